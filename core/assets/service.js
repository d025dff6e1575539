"use strict";
const form = document.getElementById("try");
const result = document.getElementById("result");

function line(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

function percent(share) {
  return (100 * share).toFixed(1) + " %";
}

function shown(answer) {
  const image = document.createElement("img");
  image.src = "data:" + answer.content_type + ";base64," + answer.image_base64;
  image.alt = "The image that was sent";
  const table = document.createElement("table");
  const sorted = Object.entries(answer.probabilities).sort((a, b) => b[1] - a[1]);
  for (const [name, share] of sorted) {
    const row = table.insertRow();
    row.append(line("td", name), line("td", percent(share)));
  }
  const said = answer.predicted_class + ", " + percent(answer.probability);
  result.replaceChildren(image, line("strong", said), table);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  result.replaceChildren(line("p", "Waiting for the answer."));
  const key = document.getElementById("key").value;
  const data = new FormData();
  data.append("file", form.elements.file.files[0]);
  try {
    const response = await fetch(form.action, {
      method: "POST", body: data, headers: key ? { "X-API-Key": key } : {},
    });
    const answer = await response.json();
    if (response.ok) shown(answer);
    else result.replaceChildren(line("p", answer.error + " " + answer.do));
  } catch {
    result.replaceChildren(line("p", "The service did not answer. Check that it is running."));
  }
});
