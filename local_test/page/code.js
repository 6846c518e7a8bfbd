// The request as code to copy.

const shellQuoted = (text) => (/^[\w./:@=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
const pythonQuoted = JSON.stringify; // its escapes mean the same in Python
const READ = (file) => `with open(${pythonQuoted(file.name)}, "rb") as file:\n    image = file.read()\n`;

const SNIPPETS = {
  curl: (file, type) =>
    `curl -H 'Content-Type: ${type}' -H '${ATTRIBUTES}: top_k=${CLASSES}' \\\n` +
    `  --data-binary ${shellQuoted(`@${file.name}`)} ${document.body.dataset.endpoint}/invocations\n`,
  boto3: (file, type) =>
    "import json\n\nimport boto3\n\n" +
    READ(file) +
    `runtime = boto3.client("sagemaker-runtime")
answer = runtime.invoke_endpoint(
    EndpointName="ENDPOINT-NAME",
    ContentType=${pythonQuoted(type)},
    CustomAttributes="top_k=${CLASSES}",
    Body=image,
)
print(json.load(answer["Body"]))
`,
  sdk2: (file, type) =>
    `from sagemaker.deserializers import JSONDeserializer
from sagemaker.predictor import Predictor
from sagemaker.serializers import DataSerializer

` +
    READ(file) +
    `predictor = Predictor(
    "ENDPOINT-NAME", serializer=DataSerializer(${pythonQuoted(type)}), deserializer=JSONDeserializer()
)
print(predictor.predict(image, custom_attributes="top_k=${CLASSES}"))
`,
  sdk3: (file, type) =>
    "import json\n\nfrom sagemaker.core.resources import Endpoint\n\n" +
    READ(file) +
    `endpoint = Endpoint.get("ENDPOINT-NAME")
answer = endpoint.invoke(body=image, content_type=${pythonQuoted(type)}, custom_attributes="top_k=${CLASSES}")
print(json.load(answer.body))
`,
};

let codeFile = { name: "my-photo.jpg", type: "image/jpeg" };

function showCode(file = codeFile) {
  codeFile = file;
  const language = document.querySelector("input[name=language]:checked").value;
  byId("code").textContent = SNIPPETS[language](file, contentType(file)).trimEnd();
  byId("code-note").textContent =
    language === "curl" ? "Run it in the folder of the image." : "Run it in the folder of the image, and put in the name of your SageMaker endpoint.";
  byId("copy").textContent = "Copy";
}

async function copyCode() {
  try {
    await navigator.clipboard.writeText(`${byId("code").textContent}\n`);
    byId("copy").textContent = "Copied";
    byId("copied").textContent = "The code is in the clipboard.";
  } catch {
    getSelection().selectAllChildren(byId("code"));
    byId("copied").textContent = "The browser does not allow copying: the code is selected, press Ctrl+C.";
  }
}

for (const radio of document.querySelectorAll("input[name=language]")) radio.addEventListener("change", () => showCode());
byId("copy").addEventListener("click", copyCode);
