// Calls models whose limits are used up with the official SDK as it comes; prints what was thrown, an object a line.
import OpenAI, { APIError, RateLimitError } from "openai";

const client = new OpenAI();
const messages = [{ role: "user", content: "hello" }];

for (const [model, stream] of process.argv.slice(2).map((word) => word.split(":"))) {
  let thrown = null;
  try {
    await client.chat.completions.create({ model, messages, user: model, max_tokens: 50, stream: stream === "stream" });
  } catch (error) {
    thrown = error;
  }
  console.log(
    JSON.stringify({
      model,
      is_of_api: thrown instanceof APIError,
      is_rate_limit: thrown instanceof RateLimitError,
      status: thrown?.status,
      code: thrown?.code,
      left: thrown?.headers?.get("x-ratelimit-remaining-requests"),
    }),
  );
}
