// Multiplies numbers by the model's factor, with the modules of Node.js.
const { createServer } = require("node:http");
const { readFileSync } = require("node:fs");

const { factor } = JSON.parse(readFileSync("/opt/ml/model/model.json"));

function answer(response, status, content) {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(content));
}

const server = createServer(async (request, response) => {
  if (request.url === "/ping") return response.end();
  if (request.url !== "/invocations") return answer(response, 404, { error: "no such route" });
  if (request.method !== "POST") return answer(response, 405, { error: "POST only" });
  try {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const { instances } = JSON.parse(Buffer.concat(pieces));
    answer(response, 200, { predictions: instances.map((number) => number * factor) });
  } catch (error) {
    answer(response, 400, { error: error.message });
  }
});
server.listen(8080, "0.0.0.0", () => console.log("listening on 8080"));
process.on("SIGTERM", () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
