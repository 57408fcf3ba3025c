/**
 * `npm test` is for the person who waits for it, `.ci/run` for the one who merges: there, what is drawn at random or tried
 * exhaustively gets a multiple of the time.
 */
export const isThorough = process.env.THOROUGH === "1";
