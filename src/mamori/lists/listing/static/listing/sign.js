// Signs the statement on the page with a key file the person chooses. The key stays in this browser; only the signature
// is put into the form. Without this script, or where the browser knows no Ed25519, `mamori keys sign` does the same.
(() => {
  const box = document.getElementById("sign-here");
  const field = document.getElementById("id_signature");
  if (!box || !field || !window.crypto?.subtle) return;
  const file = box.querySelector("input[type=file]");
  const state = box.querySelector("[role=status]");
  const bytes = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  box.hidden = false;
  file.addEventListener("change", async () => {
    field.value = "";
    try {
      const text = await file.files[0].text();
      const body = text.match(/-----BEGIN PRIVATE KEY-----([\s\S]+?)-----END PRIVATE KEY-----/)[1].replace(/\s/g, "");
      const key = await crypto.subtle.importKey("pkcs8", bytes(body), { name: "Ed25519" }, false, ["sign"]);
      const signed = new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, key, bytes(box.dataset.statement)));
      field.value = btoa(String.fromCharCode(...signed));
      state.textContent = box.dataset.done;
      field.form.querySelector("button").focus();
    } catch {
      state.textContent = box.dataset.failed;
    }
    file.value = "";
  });
})();
