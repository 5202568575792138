// How fast one may write: a message every five seconds on average, and some of them in one go.

const SECONDS_PER_MESSAGE = 5;
const GRACE_SECONDS = 20;

/**
 * When the next message would be on time, if one is allowed now.
 *
 * Each message moves that time on. As long as it is no further ahead than the grace, a message is let
 * pass: that is a burst of five, and then one every five seconds.
 */
export function allowed(nextAllowed: number, now: number): number | undefined {
  const onTime = Math.max(nextAllowed, now);
  if (onTime - now > GRACE_SECONDS * 1000) return undefined;
  return onTime + SECONDS_PER_MESSAGE * 1000;
}
