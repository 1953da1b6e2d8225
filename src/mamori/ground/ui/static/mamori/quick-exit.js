// Leave at once: hide the page, replace it in the history, so that "back" does not return here. Works as a plain link without this.
(() => {
  const link = document.getElementById("quick-exit");
  if (!link) return;
  const leave = () => {
    document.documentElement.classList.add("leaving");
    document.title = "…";
    location.replace(link.href);
  };
  link.addEventListener("click", (event) => {
    event.preventDefault();
    leave();
  });
  let presses = 0;
  document.addEventListener("keydown", (event) => {
    presses = event.key === "Escape" ? presses + 1 : 0;
    if (presses === 3) leave();
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) document.documentElement.classList.remove("leaving");
  });
})();
