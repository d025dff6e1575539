// Stands beside a plotly chart: colours its points without sending them again, shows a card at
// the pointer, reports clicks, keeps the camera, lets the cloud turn until it is touched.

const cameras = new Map(); // container -> camera, kept when the chart is made anew
const turned = new Set(); // containers whose first view has had its turn
const companions = new WeakMap();
const fetched = new Map(); // URL -> promise of the notes behind it

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  if (!companions.has(parentElement)) {
    companions.set(parentElement, new Companion(parentElement, data.container));
  }
  const companion = companions.get(parentElement);
  companion.update(data, (row) => setTriggerValue("picked", row));
  return () => {
    companion.close();
    companions.delete(parentElement);
  };
}

class Companion {
  constructor(host, container) {
    this.card = host.querySelector(".card");
    this.thumb = host.querySelector(".thumb");
    this.text = host.querySelector(".text");
    this.host = host;
    this.container = container;
    this.hovered = null;
    this.pointer = { x: 0, y: 0 };
    this.down = null;
    this.inside = false;
    this.tapped = 0;
    this.abort = new AbortController();
    this.handlers = {
      plotly_hover: (event) => this.hover(event.points[0]),
      plotly_unhover: () => this.unhover(),
      plotly_afterplot: () => this.drawn(),
      plotly_relayout: () => this.remember(),
    };
    let waiting = false;
    this.observer = new MutationObserver(() => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        this.bind();
      });
    });
    this.observer.observe(document.body, { childList: true, subtree: true });
    const options = { signal: this.abort.signal, capture: true };
    window.addEventListener("pointerup", (event) => this.up(event), options);
    window.addEventListener("scroll", () => this.unhover(), options);
    window.addEventListener("pointerdown", (event) => this.elsewhere(event), options);
  }

  update(data, pick) {
    this.data = data;
    this.pick = pick;
    this.bind();
    this.paint();
    if (this.graph) this.describe();
  }

  close() {
    this.observer.disconnect();
    this.abort.abort();
    this.leave();
    if (this.graph?.removeListener) this.listen("removeListener");
  }

  // The chart is made anew by Streamlit at will, and plotly drops its listeners when its
  // settings change: so they are put on again whenever the page changes.
  bind() {
    const graph = document.querySelector(
      `.st-key-${CSS.escape(this.container)} .js-plotly-plot`,
    );
    if (!graph?.on || !graph._fullLayout) return;
    this.listen("removeListener", graph);
    this.listen("on", graph);
    if (graph === this.graph) return;
    this.leave();
    this.graph = graph;
    this.local = new AbortController();
    const options = { signal: this.local.signal, capture: true };
    graph.addEventListener("pointerdown", (event) => this.press(event), options);
    graph.addEventListener("pointermove", (event) => this.move(event), options);
    graph.addEventListener("pointerenter", () => (this.inside = true), { signal: options.signal });
    graph.addEventListener("pointerleave", () => this.outside(), { signal: options.signal });
    graph.addEventListener("wheel", () => this.wheel(), options);
    graph.addEventListener("keydown", (event) => this.key(event), { signal: options.signal });
    this.describe();
    this.shape = null;
    if (cameras.has(this.container) && this.scene()) this.look(cameras.get(this.container));
    this.drawn();
    this.turn();
  }

  listen(verb, graph = this.graph) {
    for (const [name, handler] of Object.entries(this.handlers)) graph[verb](name, handler);
  }

  leave() {
    this.local?.abort();
    this.stop(false);
    this.unhover();
  }

  describe() {
    this.graph.setAttribute("role", "img");
    this.graph.setAttribute("aria-label", this.data.alt);
    this.graph.tabIndex = 0;
  }

  drawn() {
    this.fit();
    this.paint();
  }

  // --- colours ------------------------------------------------------------------------------

  paint() {
    const graph = this.graph;
    if (!graph?.data?.length || this.painting || !window.Plotly || !graph.isConnected) return;
    if (graph.data[0].meta?.look === this.data.look) return;
    this.painting = true;
    const layout = { ...graph.layout };
    if (this.scene()) layout.scene = { ...layout.scene, camera: this.scene().getCamera() };
    window.Plotly.react(graph, this.traces(), layout)
      .then(() => graph.emit?.("plotly_redraw")) // tells Streamlit's wrapper what is drawn now
      .finally(() => {
        this.painting = false;
        this.paint(); // the look may have changed again meanwhile
      });
  }

  traces() {
    const axes = this.graph.data[0].z ? ["x", "y", "z"] : ["x", "y"];
    const columns = this.points(axes);
    const part = bytes(this.data.parts, "i2");
    const rows = this.data.groups.map(() => []);
    part.forEach((group, row) => rows[group].push(row));
    const model = this.graph.data[0];
    const made = this.bundles(axes).map((indices) => {
      const mine = indices.flatMap((index) => rows[index]);
      const trace = { ...model, name: "", customdata: mine, meta: { look: this.data.look } };
      axes.forEach((axis, i) => (trace[axis] = mine.map((row) => columns[i][row])));
      trace.marker = { ...model.marker, ...this.marker(indices, rows) };
      delete trace.uid;
      delete trace.selectedpoints;
      return trace;
    });
    if (this.data.pinned !== null) made.push(this.ring(axes, columns, model));
    return made;
  }

  // The groups that share a trace: in 3D all of the same opacity, for WebGL sets up each trace
  // anew; in the plane each is its own.
  bundles(axes) {
    const indices = this.data.groups.map((_, index) => index);
    if (axes.length < 3) return indices.map((index) => [index]);
    const opacities = [...new Set(this.data.groups.map((group) => group.opacity))].sort();
    const bundle = (opacity) => indices.filter((i) => this.data.groups[i].opacity === opacity);
    return opacities.map(bundle);
  }

  marker(indices, rows) {
    const groups = indices.map((index) => this.data.groups[index]);
    const { opacity, color } = groups[0];
    if (groups.length === 1) return { opacity, color };
    const last = groups.length - 1;
    return {
      opacity,
      color: indices.flatMap((index, i) => rows[index].map(() => i)),
      colorscale: groups.map((group, i) => [i / last, group.color]),
      cmin: 0,
      cmax: last,
    };
  }

  ring(axes, columns, model) {
    const color = getComputedStyle(this.card).getPropertyValue("--st-text-color").trim();
    const trace = { type: model.type, mode: "markers", hoverinfo: "skip", showlegend: false };
    axes.forEach((axis, i) => (trace[axis] = [columns[i][this.data.pinned]]));
    const size = model.marker.size + 10;
    trace.marker = { symbol: "circle-open", size, color, line: { width: 3, color } };
    return trace;
  }

  // The coordinates that the chart has already, back in the order of the rows.
  points(axes) {
    if (this.columns?.graph === this.graph) return this.columns.values;
    const values = axes.map(() => []);
    for (const trace of this.graph.data) {
      if (!trace.customdata) continue;
      const rows = plain(trace.customdata);
      axes.forEach((axis, i) => {
        const coordinates = plain(trace[axis]);
        rows.forEach((row, j) => (values[i][row] = coordinates[j]));
      });
    }
    this.columns = { graph: this.graph, values };
    return values;
  }

  // --- the card at the pointer, and clicks --------------------------------------------------

  hover(point) {
    // Plotly reports a hover at each drawing, also long after the pointer has left.
    const here = this.inside || performance.now() < this.tapped;
    if (!here || typeof point?.customdata !== "number") return;
    this.hovered = point.customdata;
    this.show(this.hovered);
  }

  unhover() {
    this.hovered = null;
    this.card.hidden = true;
  }

  elsewhere(event) {
    if (!this.graph?.contains(event.target)) this.unhover();
  }

  outside() {
    this.inside = false;
    this.unhover();
  }

  async show(row) {
    const notes = await load(this.data.atlas.notes);
    if (this.hovered !== row) return;
    const [first, ...rest] = (notes.captions[row] ?? "").split("\n");
    this.text.replaceChildren(line("strong", first), ...rest.map((words) => line("span", words)));
    this.picture(row, notes.sizes);
    this.card.hidden = false;
    this.place();
  }

  picture(row, sizes) {
    const { sheets, tile, columns, perSheet, pixelated } = this.data.atlas;
    this.thumb.hidden = !sheets;
    if (!sheets) return;
    const [width, height] = [sizes[2 * row], sizes[2 * row + 1]];
    const longest = Math.max(width, height, 1);
    const scale = pixelated ? Math.max(1, Math.floor(144 / longest)) : 144 / longest;
    const position = row % perSheet;
    const sheet = Math.floor(row / perSheet);
    const lines = Math.ceil(Math.min(perSheet, sizes.length / 2 - sheet * perSheet) / columns);
    const left = (position % columns) * tile * scale;
    const top = Math.floor(position / columns) * tile * scale;
    Object.assign(this.thumb.style, {
      width: `${width * scale}px`,
      height: `${height * scale}px`,
      backgroundImage: `url("${sheets[sheet]}")`,
      backgroundSize: `${columns * tile * scale}px ${lines * tile * scale}px`,
      backgroundPosition: `-${left}px -${top}px`,
      imageRendering: pixelated ? "pixelated" : "auto",
    });
    this.card.dataset.row = row;
  }

  place() {
    const { offsetWidth: width, offsetHeight: height } = this.card;
    let [x, y] = [this.pointer.x + 18, this.pointer.y + 18];
    if (x + width > window.innerWidth - 8) x = this.pointer.x - width - 18;
    if (y + height > window.innerHeight - 8) y = this.pointer.y - height - 18;
    this.card.style.left = `${Math.max(8, x)}px`;
    this.card.style.top = `${Math.max(8, y)}px`;
  }

  move(event) {
    this.inside = true;
    this.pointer = { x: event.clientX, y: event.clientY };
    if (!this.card.hidden) this.place();
  }

  press(event) {
    this.touched = true;
    this.stop(false);
    this.move(event);
    const tool = event.target.closest?.(".modebar");
    this.down = tool ? null : { x: event.clientX, y: event.clientY };
  }

  up(event) {
    const from = this.down;
    this.down = null;
    if (!from || Math.hypot(event.clientX - from.x, event.clientY - from.y) > 4) return;
    // A finger has not hovered before: give plotly a moment to find the point under it.
    const until = performance.now() + (event.pointerType === "mouse" ? 250 : 700);
    if (event.pointerType !== "mouse") this.tapped = until;
    const look = () => {
      if (this.hovered !== null) this.pick(this.hovered);
      else if (performance.now() < until) setTimeout(look, 50);
    };
    look();
  }

  // --- the camera ---------------------------------------------------------------------------

  scene() {
    return this.graph?._fullLayout?.scene?._scene ?? null;
  }

  look(camera) {
    return window.Plotly?.relayout(this.graph, { "scene.camera": camera });
  }

  // Only a view that somebody chose is kept; any other is made to fit again.
  remember() {
    if (this.scene() && this.touched) cameras.set(this.container, this.scene().getCamera());
  }

  // The camera goes as near as shows every point from all sides, in whatever shape the map has.
  fit() {
    if (!this.scene() || cameras.has(this.container)) return;
    const { width, height } = this.graph._fullLayout;
    const shape = `${width} x ${height}`;
    if (this.shape === shape) return;
    this.shape = shape;
    const { scene } = this.graph._fullLayout;
    const axes = ["x", "y", "z"];
    const columns = this.points(axes).map((values, i) => {
      const [low, high] = scene[`${axes[i]}axis`].range;
      return values.map((value) => (value - low) / (high - low) - 0.5);
    });
    const camera = this.scene().getCamera();
    const { x, y, z } = camera.eye;
    const length = Math.hypot(x, y, z);
    const factor = distance(columns, z / length, width / height) / length;
    const eye = { x: x * factor, y: y * factor, z: z * factor };
    this.look({ ...camera, eye, center: { x: 0, y: 0, z: 0 } });
  }

  wheel() {
    this.touched = true;
    this.stop(true);
  }

  key(event) {
    const scene = this.scene();
    const turns = { ArrowLeft: -0.1, ArrowRight: 0.1 };
    const zooms = { ArrowUp: 0.9, "+": 0.9, ArrowDown: 1.1, "-": 1.1 };
    if (!scene || !(event.key in turns || event.key in zooms)) return;
    event.preventDefault();
    this.touched = true;
    this.stop(false);
    const camera = rotated(scene.getCamera(), turns[event.key] ?? 0);
    for (const axis of ["x", "y", "z"]) camera.eye[axis] *= zooms[event.key] ?? 1;
    this.look(camera);
  }

  // A slow turn at first sight, one round; it waits while the pointer is on the map, ends at the
  // first touch, and gives up on a machine that draws too slowly for it to be a pleasure.
  turn() {
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!this.data.turn || still || turned.has(this.container) || !this.scene()?.setViewport) return;
    turned.add(this.container);
    const round = 2 * Math.PI;
    let [angle, last, slow] = [0, null, 0];
    const step = (now) => {
      const scene = this.scene();
      if (!this.turning || !scene?.glplot) return;
      const passed = last === null ? 16 : now - last;
      last = now;
      slow = passed > 80 ? slow + 1 : Math.max(0, slow - 0.2);
      if (angle >= round || slow > 6) return this.stop(true);
      if (!this.inside && !this.painting) {
        const by = (Math.min(passed, 60) / 48000) * round;
        angle += by;
        const camera = rotated(scene.getCamera(), by);
        const { aspectratio } = this.graph._fullLayout.scene;
        scene.setViewport({ camera, aspectratio });
      }
      this.turning = requestAnimationFrame(step);
    };
    this.turning = requestAnimationFrame(step);
  }

  stop(save) {
    if (!this.turning) return;
    cancelAnimationFrame(this.turning);
    this.turning = null;
    if (save && this.scene()) this.look(this.scene().getCamera());
  }
}

function rotated(camera, angle) {
  const { eye, center } = camera;
  const [x, y] = [eye.x - center.x, eye.y - center.y];
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const turnedEye = { x: center.x + c * x - s * y, y: center.y + s * x + c * y, z: eye.z };
  return { ...camera, eye: turnedEye };
}

// How far the camera must be from the middle of the unit cube for all points to be in view while
// it goes round at a height of `slope` times its distance; plotly's view is 45 degrees high.
function distance(columns, slope, aspect) {
  const reach = Math.tan(Math.PI / 8) * 0.94;
  const flat = Math.sqrt(1 - slope * slope);
  const stride = Math.ceil(columns[0].length / 1000);
  let far = 0.8;
  for (let turn = 0; turn < 12; turn++) {
    const [c, s] = [Math.cos((turn * Math.PI) / 6), Math.sin((turn * Math.PI) / 6)];
    for (let i = 0; i < columns[0].length; i += stride) {
      const [x, y, z] = columns.map((values) => values[i]);
      const [side, front] = [c * y - s * x, c * x + s * y];
      const [up, near] = [flat * z - slope * front, flat * front + slope * z];
      far = Math.max(far, near + Math.max(Math.abs(up), Math.abs(side) / aspect) / reach);
    }
  }
  return far;
}

function load(url) {
  if (!fetched.has(url)) {
    const notes = fetch(url).then((answer) => (answer.ok ? answer.json() : Promise.reject(url)));
    notes.catch(() => fetched.delete(url));
    fetched.set(url, notes.catch(() => ({ captions: [], sizes: [] })));
  }
  return fetched.get(url);
}

function line(tag, words) {
  const element = document.createElement(tag);
  element.textContent = words;
  return element;
}

function plain(array) {
  return array.bdata ? bytes(array.bdata, array.dtype) : Array.from(array);
}

function bytes(text, dtype) {
  const kinds = {
    i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array,
    u4: Uint32Array, f4: Float32Array, f8: Float64Array,
  };
  const raw = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return Array.from(new kinds[dtype](raw.buffer));
}
