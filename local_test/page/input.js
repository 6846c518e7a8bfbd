// How images come in: chosen, dropped, pasted, taken by the camera.

function take(files) {
  if (files.length === 1 && pathOf(files[0]) === files[0].name) showImage(files[0]);
  else if (files.length) showFolder(files);
  else showProblem("No file was given: choose, drop or paste an image or a folder.");
}

for (const kind of ["image", "folder"]) {
  const input = byId(`${kind}-input`);
  byId(`choose-${kind}`).addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    if (kind === "folder") showFolder([...input.files]);
    else take([...input.files]);
    input.value = ""; // so that the same file may be chosen again, after a change
  });
}

addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) take([...event.clipboardData.files]);
});

// The whole page accepts dropped files: otherwise a browser would leave the page and show the file.
const over = (event, inside) => {
  event.preventDefault();
  byId("drop").classList.toggle("over", inside);
};
addEventListener("dragover", (event) => over(event, true));
addEventListener("dragleave", (event) => event.relatedTarget || over(event, false));
addEventListener("drop", async (event) => {
  over(event, false);
  // before the first await: afterwards the list of items is empty
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  try {
    take((await Promise.all(entries.map((entry) => filesIn(entry)))).flat());
  } catch (error) {
    showProblem(`The dropped files could not be read: ${error.message}`);
  }
});

async function filesIn(entry, folder = "") {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    if (folder) file.droppedPath = folder + entry.name;
    return [file];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // at most 100
    if (!some.length) return found;
    for (const each of some) found.push(...(await filesIn(each, `${folder}${entry.name}/`)));
  }
}

const camera = byId("camera");
const video = byId("video");
byId("open-camera").hidden = !navigator.mediaDevices; // absent where the page comes from elsewhere without TLS

byId("open-camera").addEventListener("click", async () => {
  camera.showModal();
  byId("take-picture").disabled = true;
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    if (camera.open) video.srcObject = stream;
    else for (const track of stream.getTracks()) track.stop();
  } catch (error) {
    camera.close();
    showProblem(`The camera cannot be used: ${error.message}`);
  }
});
video.addEventListener("playing", () => {
  byId("take-picture").disabled = false;
  byId("take-picture").focus();
});
byId("take-picture").addEventListener("click", () => {
  const canvas = element("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => take([new File([blob], "camera.png", { type: "image/png" })]));
  camera.close();
});
byId("close-camera").addEventListener("click", () => camera.close());
camera.addEventListener("close", () => {
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
});

byId("endpoint").textContent = document.body.dataset.endpoint;
showCode();
