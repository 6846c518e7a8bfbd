// One image and its answer.

let shown = 0; // counts images, so that a late answer does not replace that of a newer image

async function showImage(file) {
  const number = ++shown;
  showPreview(file);
  showCode(file);
  try {
    const answer = await ask(file);
    if (number === shown) showAnswer(file, answer);
  } catch (error) {
    if (number === shown) showProblem(error.message);
  }
}

function showPreview(file) {
  const preview = byId("preview");
  URL.revokeObjectURL(preview.src);
  preview.hidden = false;
  byId("hint").hidden = true;
  preview.onerror = () => {
    preview.hidden = true;
    byId("hint").hidden = false;
    byId("hint").textContent = "Your browser does not show images of this kind; the endpoint may read it.";
  };
  const words = `${file.name}, ${size(file.size)}`;
  preview.onload = () => {
    byId("file-name").textContent = `${words}, ${preview.naturalWidth} × ${preview.naturalHeight} pixels`;
  };
  preview.src = URL.createObjectURL(file);
  preview.alt = `Your image, ${file.name}`;
  byId("file-name").textContent = words;
}

const size = (bytes) => (bytes < 1_000 ? `${bytes} bytes` : bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

function only(id) {
  for (const each of ["empty", "problem", "answer", "raw"]) byId(each).hidden = each !== id;
}

function showProblem(message) {
  byId("status").textContent = "";
  byId("problem").textContent = message;
  only("problem");
}

function showAnswer(file, { best, pixels, milliseconds, model, text }) {
  byId("model").textContent = modelWords(model);
  if (!best) {
    byId("raw-text").textContent = text;
    byId("status").textContent = `${file.name}: the answer has no predictions in this project's format.`;
    only("raw");
    return;
  }
  byId("best-name").textContent = best[0].name;
  byId("best-probability").textContent = percent(best[0].probability);
  byId("bars").replaceChildren(...best.map(bar));
  byId("seen").hidden = !pixels;
  if (pixels) paint(byId("pixels"), pixels);
  byId("latency").textContent = duration(milliseconds) && `answered in ${duration(milliseconds)}`;
  byId("status").textContent = `${file.name}: ${best[0].name}, ${percent(best[0].probability)}, in ${duration(milliseconds)}`;
  only("answer");
}

// "name=lenet; version=23aac7d9da3f; data=...; precision=int8" -> "· lenet, version 23aac7d9da3f, int8"
function modelWords(header) {
  const about = Object.fromEntries(header.split("; ").map((pair) => pair.split("=")));
  return about.name ? `· ${about.name}, version ${about.version}, ${about.precision}` : "";
}

function bar({ name, probability }) {
  const item = element("li");
  const track = element("span", "track");
  const filled = element("span", "bar");
  filled.style.width = `${100 * probability}%`;
  track.setAttribute("aria-hidden", "true"); // the percentage says the same
  track.append(filled);
  item.append(element("span", "name", name), element("span", "percent", percent(probability)), track);
  return item;
}
