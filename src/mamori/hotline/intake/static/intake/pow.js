// The form's proof of work: solved in a worker while the person types. Without this the form goes through a short queue.
(() => {
  const form = document.getElementById("report-form");
  if (!form || !globalThis.Worker || !globalThis.crypto?.subtle) return;
  const button = form.querySelector("button");
  const proof = form.elements.proof;
  const busy = document.getElementById("report-busy");
  let solving = true;
  let pressed = false;

  const done = (value) => {
    solving = false;
    proof.value = value;
    worker.terminate();
    if (pressed) form.submit();
  };
  const worker = new Worker(form.dataset.worker);
  worker.addEventListener("message", ({ data }) => done(data));
  worker.addEventListener("error", () => done(""));
  worker.postMessage(form.dataset.challenge);

  form.addEventListener("submit", (event) => {
    if (solving || pressed) event.preventDefault();
    if (pressed) return;
    pressed = true;
    button.setAttribute("aria-disabled", "true");
    busy.hidden = false;
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
})();
