import * as v from "valibot";

const Login = v.object({ email: v.pipe(v.string(), v.email()), password: v.pipe(v.string(), v.minLength(8)) });

export function handler() {
  const given = [{ email: "a@b.org", password: "12345678" }, { email: "a", password: "1" }];
  return Response.json(given.map((it) => v.safeParse(Login, it)).map(({ success, output, issues }) => ({
    success,
    output,
    messages: issues?.map((issue) => issue.message),
  })));
}
