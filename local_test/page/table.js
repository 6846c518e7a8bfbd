// A folder of images: a table with their answers, and a CSV file of it.

const AT_A_TIME = 2; // more would make each other's times longer
let run = 0; // counts tables, so that an earlier one stops
let results = [];

async function showFolder(files) {
  const number = ++run;
  const images = files.filter(isImage).sort((one, other) => pathOf(one).localeCompare(pathOf(other), "en", { numeric: true }));
  results = images.map((file) => ({ file, row: pendingRow(file) }));
  byId("table-card").hidden = false;
  byId("rows").replaceChildren(...results.map(({ row }) => row));
  showSkipped(files.filter((file) => !isImage(file)));
  byId("progress").max = images.length || 1;
  byId("stop").disabled = false;
  showProgress("");
  const waiting = results.values();
  const work = async () => {
    for (const result of waiting) {
      if (number !== run) return;
      await answerRow(result);
      if (number === run) showProgress("");
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  if (number === run) finish("");
}

function finish(ending) {
  run++;
  byId("stop").disabled = true;
  showProgress(ending || "Finished: ");
}

function showProgress(beginning) {
  const done = results.filter(({ answer, problem }) => answer || problem).length;
  const failed = results.filter(({ problem }) => problem).length;
  byId("progress").value = done;
  byId("progress").hidden = byId("stop").disabled;
  const words = `${beginning}${done} of ${results.length} ${results.length === 1 ? "image" : "images"} answered${failed ? `, ${failed} refused` : ""}`;
  // announced by screen readers at the beginning and at the end, not hundreds of times
  byId("table-status").setAttribute("aria-live", beginning ? "polite" : "off");
  byId("table-status").textContent = words;
  byId("save").disabled = !done;
}

function showSkipped(files) {
  const skipped = byId("skipped");
  skipped.hidden = !files.length;
  skipped.querySelector("summary").textContent = `${files.length} ${files.length === 1 ? "file is" : "files are"} not sent: not an image by its name`;
  skipped.querySelector("ul").replaceChildren(...files.map((file) => element("li", "", pathOf(file))));
}

// The path within the folder: of a folder that was chosen, or, set by us, of one that was dropped.
const pathOf = (file) => file.droppedPath ?? (file.webkitRelativePath || file.name);

function pendingRow(file) {
  const row = element("tr");
  const cell = element("td");
  const open = element("button", "link", pathOf(file));
  open.type = "button";
  open.addEventListener("click", () => {
    showImage(file);
    byId("answer-title").scrollIntoView({ block: "center" });
  });
  const canvas = element("canvas");
  canvas.width = canvas.height = 32;
  canvas.setAttribute("aria-hidden", "true");
  const beside = element("div");
  beside.append(canvas, open);
  cell.append(beside);
  row.append(cell, element("td", "quiet", "…"), element("td", "number"), element("td", "number"));
  return row;
}

async function answerRow(result) {
  const [image, name, probability, time] = result.row.cells;
  try {
    result.answer = await ask(result.file);
    const { best, pixels, milliseconds, text } = result.answer;
    if (pixels) paint(image.querySelector("canvas"), pixels);
    name.textContent = best ? best[0].name : text;
    probability.textContent = best ? percent(best[0].probability) : "";
    time.textContent = duration(milliseconds);
    name.className = "";
  } catch (error) {
    result.problem = error.message;
    name.textContent = error.message;
    name.className = "bad";
  }
}

function csv() {
  const lines = [["file", "class_id", "name", "probability", "milliseconds", "error"]];
  for (const { file, answer, problem } of results) {
    const best = answer?.best?.[0];
    const error = problem ?? (answer && !best ? "the answer has no predictions" : answer ? "" : "not sent");
    lines.push([pathOf(file), best?.class_id, best?.name, best?.probability, answer?.milliseconds, error]);
  }
  return lines.map((line) => `${line.map(field).join(",")}\r\n`).join("");
}

const field = (value) => (/[",\r\n]/.test(value ?? "") ? `"${value.replaceAll('"', '""')}"` : String(value ?? ""));

function save() {
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
  link.download = "predictions.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href)); // after the download has begun
}

byId("stop").addEventListener("click", () => finish("Stopped: "));
byId("save").addEventListener("click", save);
