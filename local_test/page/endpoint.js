// Requests to the endpoint, through this page's own server; the answers, and their text.

const byId = (id) => document.getElementById(id);
const CLASSES = 5;
const ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes";
const SUFFIXES = /\.(bmp|gif|jfif|jpe?g|pbm|pgm|png|pnm|ppm|webp)$/i;

// A browser does not know the type of every image; the server looks at the bytes.
const contentType = (file) => (file.type.startsWith("image/") ? file.type : "image/x-unknown");
const isImage = (file) => file.type.startsWith("image/") || SUFFIXES.test(file.name);

let attributes; // undefined before the first answer, which has the number of classes

async function post(file, options) {
  let response, text;
  try {
    const headers = { "Content-Type": contentType(file), Accept: "application/json", ...(options && { [ATTRIBUTES]: options }) };
    response = await fetch("invocations", { method: "POST", headers, body: file });
    text = await response.text();
  } catch (error) {
    throw new Error(`${file.name} could not be sent: ${error.message}. Is local_test serve still running?`);
  }
  const answer = parse(text);
  if (!response.ok) {
    attributes = undefined; // the server may have another model by now
    throw new Error(typeof answer?.error === "string" ? answer.error : `status ${response.status}: ${text}`);
  }
  return {
    prediction: answer?.predictions?.[0],
    text,
    milliseconds: Number(/dur=([\d.]+)/.exec(response.headers.get("Server-Timing") ?? "")?.[1]),
    model: response.headers.get("X-Model-Info") ?? "",
  };
}

// Returns the best classes, the pixels, the milliseconds and the model; or, of another kind of endpoint, the text.
async function ask(file) {
  if (attributes === undefined) {
    const first = await post(file, "");
    const count = first.prediction?.probabilities?.length;
    if (!count) return first; // of another kind: shown unchanged
    attributes = `top_k=${Math.min(CLASSES, count)};pixels=true`;
  }
  const answer = await post(file, attributes);
  return { ...answer, best: answer.prediction?.top_k, pixels: answer.prediction?.pixels };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function percent(probability) {
  const value = 100 * probability;
  if (value > 0 && value < 0.1) return "< 0.1 %";
  if (value < 100 && value > 99.9) return "> 99.9 %";
  return `${value.toFixed(1)} %`;
}

const duration = (milliseconds) => (Number.isFinite(milliseconds) ? `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms` : "");

// Draws 32 rows of 32 gray values.
function paint(canvas, pixels) {
  const image = new ImageData(pixels[0].length, pixels.length);
  pixels.flat().forEach((gray, index) => image.data.set([gray, gray, gray, 255], 4 * index));
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text; // never as HTML: file names and class names may hold anything
  return made;
}
