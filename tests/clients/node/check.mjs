// Calls the gateway that OPENAI_BASE_URL names with the official SDK; prints one JSON object for each thing tried.
import OpenAI, { APIError, AuthenticationError, NotFoundError } from "openai";

const client = new OpenAI();
const messages = [{ role: "user", content: "hello" }];
const weather = {
  name: "weather",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

async function raises(kind, call) {
  try {
    await call();
  } catch (error) {
    return { ok: error instanceof kind, error: `${error.constructor.name}: ${error.message}`, code: error.code };
  }
  return { ok: false, error: "nothing was thrown" };
}

const checks = {
  chat: async () => {
    const answer = await client.chat.completions.create({ model: "chat", messages });
    return { ok: answer.choices[0].message.content.length > 0 && answer.usage.total_tokens > 0 };
  },
  stream: async () => {
    let text = "";
    for await (const chunk of await client.chat.completions.create({ model: "chat", messages, stream: true })) {
      text += chunk.choices[0]?.delta?.content ?? "";
    }
    return { ok: text.length > 0 };
  },
  tools: async () => {
    const tools = [{ type: "function", function: weather }];
    const answer = await client.chat.completions.create({ model: "tools", messages, tools });
    const call = answer.choices[0].message.tool_calls[0];
    return { ok: call.function.name === "weather" && typeof JSON.parse(call.function.arguments).city === "string" };
  },
  responses: async () => {
    const answer = await client.responses.create({ model: "chat", input: "hello" });
    return { ok: answer.output_text.length > 0 && answer.status === "completed" };
  },
  "responses stream": async () => {
    const stream = client.responses.stream({ model: "chat", input: "hello" });
    let text = "";
    for await (const event of stream) {
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    const final = await stream.finalResponse();
    return { ok: text.length > 0 && final.output_text === text };
  },
  embeddings: async () => {
    const answer = await client.embeddings.create({ model: "embed", input: ["one", "two"] });
    return { ok: answer.data.length === 2 && typeof answer.data[0].embedding[0] === "number" };
  },
  models: async () => {
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    return { ok: names.includes("chat") && names.includes("tools") };
  },
  "not found": async () => {
    const found = await raises(NotFoundError, () => client.chat.completions.create({ model: "chatt", messages }));
    return { ...found, ok: found.ok && found.code === "model_not_found" && found.error.includes("`chat`") };
  },
  "wrong key": () => {
    const stranger = new OpenAI({ apiKey: "wrong" });
    return raises(AuthenticationError, () => stranger.chat.completions.create({ model: "chat", messages }));
  },
  "cut stream": () =>
    raises(APIError, async () => {
      const headers = { "x-sim-fault": "cut;at=600" };
      const stream = await client.chat.completions.create({ model: "chat", messages, stream: true }, { headers });
      for await (const _ of stream);
    }),
};

for (const [what, check] of Object.entries(checks)) {
  let result;
  try {
    result = await check();
  } catch (error) {
    result = { ok: false, error: `${error.constructor.name}: ${error.message}` };
  }
  console.log(JSON.stringify({ what, ...result }));
}
