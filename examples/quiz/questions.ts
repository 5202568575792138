// What is asked. A quiz of your own begins here.

export interface Question {
  text: string;
  choices: readonly string[];
  /** Which of the choices is right, counted from 0. */
  right: number;
}

export const QUESTIONS: readonly Question[] = [
  {
    text: "Which planet has the shortest day?",
    choices: ["Mercury", "Earth", "Jupiter", "Neptune"],
    right: 2,
  },
  {
    text: "How many bits has an IPv6 address?",
    choices: ["32", "64", "128", "256"],
    right: 2,
  },
  {
    text: "Which element has the symbol Au?",
    choices: ["Gold", "Silver", "Argon", "Aluminium"],
    right: 0,
  },
  {
    text: "In which year did somebody first walk on the Moon?",
    choices: ["1959", "1969", "1972", "1981"],
    right: 1,
  },
  {
    text: "Which of these was there first?",
    choices: ["The World Wide Web", "The C language", "UTF-8", "TCP/IP"],
    right: 1,
  },
];
