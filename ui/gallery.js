// A grid of pictures that are buttons. All words are set as text, never as markup.

const loading = new Map(); // URL -> promise of its picture

export default function ({ parentElement, data, setTriggerValue }) {
  const grid = parentElement.querySelector(".grid");
  grid.setAttribute("aria-label", data.label);
  grid.style.setProperty("--columns", data.columns);
  grid.style.setProperty("--tile", `${data.tile}px`);
  const old = [...grid.children];
  const tiles = data.items.map((item, index) => tile(item, old[index]));
  old.slice(tiles.length).forEach((button) => button.remove());
  grid.append(...tiles.slice(old.length));
  tiles.forEach((button, index) => {
    button.onclick = () => setTriggerValue("picked", data.items[index].row);
  });
}

// A tile is used again for the next picture, so that the grid does not blink or move.
function tile(item, button = made()) {
  const [canvas, caption] = button.children;
  button.title = item.tooltip;
  button.dataset.row = item.row;
  button.setAttribute("aria-label", item.tooltip || item.caption || `image ${item.row}`);
  button.setAttribute("aria-pressed", String(item.chosen));
  button.style.setProperty("--mark", item.color);
  caption.textContent = item.caption;
  caption.hidden = !item.caption;
  const wanted = JSON.stringify([item.src, item.crop]);
  if (canvas.dataset.picture !== wanted) {
    canvas.dataset.picture = wanted;
    draw(canvas, item, wanted);
  }
  return button;
}

function made() {
  const button = document.createElement("button");
  button.type = "button";
  const [canvas, caption] = [document.createElement("canvas"), document.createElement("span")];
  canvas.width = canvas.height = 1;
  canvas.setAttribute("aria-hidden", "true"); // the button's own label says it
  caption.setAttribute("aria-hidden", "true");
  button.append(canvas, caption);
  return button;
}

async function draw(canvas, item, wanted) {
  const picture = item.src ? await load(item.src) : null;
  if (canvas.dataset.picture !== wanted) return; // another one was asked for meanwhile
  canvas.dataset.drawn = picture ? "yes" : "no";
  if (!picture) {
    canvas.width = 1; // an empty tile
    return;
  }
  const crop = item.crop ?? [0, 0, picture.naturalWidth, picture.naturalHeight];
  const [left, top, width, height] = crop;
  canvas.width = width;
  canvas.height = height;
  // Up to 64 pixels a picture is pixel art: it is enlarged without blur.
  canvas.classList.toggle("pixels", Math.max(width, height) <= 64);
  canvas.getContext("2d").drawImage(picture, left, top, width, height, 0, 0, width, height);
}

function load(url) {
  if (!loading.has(url)) {
    const picture = new Image();
    const promise = new Promise((resolve) => {
      picture.onload = () => resolve(picture);
      picture.onerror = () => {
        loading.delete(url);
        resolve(null);
      };
    });
    picture.src = url;
    loading.set(url, promise);
    if (loading.size > 400) loading.delete(loading.keys().next().value);
  }
  return loading.get(url);
}
