// Who asks. For trying it out the tokens are in the source: a real site takes them from its log-in, and keeps the sender's
// secret outside of the handler.

const USERS: { readonly [token: string]: string } = { "ada-token": "ada", "bob-token": "bob" };
const SENDER = "Bearer sender-token";

/** The user of a tab: /notifications?token=ada-token. */
export function userOf(query: string): string | undefined {
  const token = new URLSearchParams(query).get("token") ?? "";
  return Object.hasOwn(USERS, token) ? USERS[token] : undefined;
}

/** Whether a request is from the program that sends notifications. */
export function isSender(headers: Headers): boolean {
  return headers.get("authorization") === SENDER;
}
