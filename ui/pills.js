// Coloured pills, at most one pressed. Words are set as text.

export default function ({ parentElement, data, setTriggerValue }) {
  const group = parentElement.querySelector(".pills");
  group.setAttribute("aria-label", data.label);
  const old = [...group.children];
  const pills = data.names.map((name, index) => pill(name, data.colors[index], old[index]));
  const press = (chosen) =>
    pills.forEach((button, index) => {
      button.setAttribute("aria-pressed", String(index === chosen));
      button.classList.toggle("faded", chosen !== null && index !== chosen);
    });
  press(data.selected);
  pills.forEach((button, index) => {
    button.onclick = () => {
      const off = button.getAttribute("aria-pressed") === "true";
      press(off ? null : index); // at once, before the server answers
      setTriggerValue("picked", off ? -1 : index);
    };
  });
  group.replaceChildren(...pills);
}

function pill(name, color, button = document.createElement("button")) {
  if (!button.firstChild) {
    const dot = document.createElement("i");
    dot.setAttribute("aria-hidden", "true");
    button.append(dot, document.createElement("span"));
  }
  button.type = "button";
  button.style.setProperty("--mark", color);
  button.lastChild.textContent = name;
  return button;
}
