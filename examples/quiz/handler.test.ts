import { clock, connect, type Connection, expect, test, world } from "zigttp:test";

const start = JSON.stringify({ type: "start", step: 0, pace: { question: 20, solution: 5 } });
const news = (client: Connection) => JSON.parse(client.received.at(-1) as string);

test("the clock brings the solution and the next question", async () => {
  const ada = await connect("/quiz/friday?name=Ada");
  ada.send(start);
  expect(news(ada)).toMatchObject({ phase: "question", number: 1, left: 20_000 });
  await clock.advance("20s");
  expect(news(ada)).toMatchObject({ phase: "solution", number: 1 });
  await clock.advance("5s");
  expect(news(ada)).toMatchObject({ phase: "question", number: 2 });
});

test("a right answer counts, and more if it is quick", async () => {
  const ada = await connect("/quiz/friday?name=Ada");
  const bob = await connect("/quiz/friday?name=Bob");
  ada.send(start);
  await clock.advance("10s");
  ada.send(JSON.stringify({ type: "answer", step: 1, choice: 2 }));
  bob.send(JSON.stringify({ type: "answer", step: 1, choice: 0 }));
  expect(news(ada).players).toMatchObject([{ name: "Ada", score: 75 }, { name: "Bob", score: 0 }]);
});

test("a crash interrupts the quiz and does not end it", async () => {
  const ada = await connect("/quiz/friday?name=Ada");
  ada.send(start);
  const { id } = news(ada).you;
  await world.crash();
  await clock.advance("20s");
  const again = await connect(`/quiz/friday?player=${id}`);
  expect(news(again)).toMatchObject({ phase: "solution", players: [{ name: "Ada", isHere: true }] });
});

test("a quiz that nobody has opened for a day is forgotten", async () => {
  const ada = await connect("/quiz/friday?name=Ada");
  ada.close();
  await clock.advance("1d");
  expect(world.storage("/quiz/friday").list()).toEqual([]);
});
