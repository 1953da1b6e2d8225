// Keys for the staff pages: nothing here is needed to work. `?` help, j/k rows, data-key="x" clicks a button or link or
// focuses a field; data-key="g t" is g, then t. Single keys can be switched off in the help and are never taken while a person types.
(() => {
  // On a phone the desks stand in one line: the open one is brought into it.
  const desk = document.querySelector(".desks [aria-current]");
  const line = desk?.closest("ul");
  if (line) line.scrollLeft = desk.offsetLeft - (line.clientWidth - desk.offsetWidth) / 2;

  const help = document.getElementById("keys");
  const toggle = document.getElementById("keys-on");
  const opener = document.getElementById("keys-open");
  if (!help || !toggle || !opener) return;
  const stored = (() => { try { return localStorage; } catch { return null; } })();
  toggle.checked = stored?.getItem("keys") !== "off";
  toggle.addEventListener("change", () => stored?.setItem("keys", toggle.checked ? "on" : "off"));

  const name = (element) =>
    element.getAttribute("aria-label") || element.querySelector("span:not(.count)")?.textContent || element.labels?.[0]?.textContent || element.textContent;

  const show = () => {
    const list = help.querySelector("dl");
    list.querySelectorAll("[data-found]").forEach((row) => row.remove());
    for (const element of document.querySelectorAll("[data-key]")) {
      const row = document.createElement("div");
      const term = row.appendChild(document.createElement("dt"));
      row.dataset.found = "";
      term.appendChild(document.createElement("kbd")).textContent = element.dataset.key;
      row.appendChild(document.createElement("dd")).textContent = name(element).trim();
      list.append(row);
    }
    if (!help.open) help.showModal();
  };

  const move = (by) => {
    const rows = [...document.querySelectorAll("[data-row]")].filter((row) => row.querySelector("a, button"));
    const now = rows.findIndex((row) => row.contains(document.activeElement));
    const next = rows[now < 0 ? (by > 0 ? 0 : rows.length - 1) : now + by];
    next?.querySelector("a, button").focus();
    next?.scrollIntoView({ block: "nearest" });
  };

  let first = "";
  const press = (key) => {
    const keys = first + key;
    first = "";
    const element = document.querySelector(`[data-key="${CSS.escape(keys)}"]`);
    if (!element && document.querySelector(`[data-key^="${CSS.escape(keys)} "]`)) {
      first = `${keys} `;
      return true;
    }
    if (!element || element.disabled) return false;
    if (element.matches("input, select, textarea") && !element.matches("[type=radio], [type=checkbox]")) element.focus();
    else element.click();
    return true;
  };

  opener.hidden = false;
  opener.addEventListener("click", show);
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("textarea, select, [contenteditable], input:not([type=radio], [type=checkbox])");
    if (typing || help.open || event.isComposing || event.ctrlKey || event.metaKey || event.altKey || !toggle.checked) return;
    if (event.key === "?") show();
    else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (!press(event.key)) return;
    event.preventDefault();
  });
})();
