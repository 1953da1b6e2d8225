// Passkeys: a form with data-passkey="create", "get" or "login" gets its credential from the device and is sent.
// Options stand in #passkey-options (JSON); "login" asks the form's own address for them. No inline script, no library.
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const decoded = (list) => list?.map((item) => ({ ...item, id: bytes(item.id) }));

  const plain = (credential) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) response[name] = text(credential.response[name]);
    }
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    return {
      id: credential.id,
      rawId: text(credential.rawId),
      type: credential.type,
      authenticatorAttachment: credential.authenticatorAttachment,
      clientExtensionResults: credential.getClientExtensionResults(),
      response,
    };
  };

  const create = ({ creation_options: { publicKey } }, passwordless) =>
    navigator.credentials.create({
      publicKey: {
        ...publicKey,
        challenge: bytes(publicKey.challenge),
        user: { ...publicKey.user, id: bytes(publicKey.user.id) },
        excludeCredentials: decoded(publicKey.excludeCredentials),
        authenticatorSelection: {
          ...publicKey.authenticatorSelection,
          residentKey: passwordless ? "required" : "discouraged",
          requireResidentKey: passwordless,
          ...(passwordless ? { userVerification: "required" } : {}),
        },
      },
    });

  const get = ({ request_options: { publicKey } }) =>
    navigator.credentials.get({
      publicKey: { ...publicKey, challenge: bytes(publicKey.challenge), allowCredentials: decoded(publicKey.allowCredentials) },
    });

  const options = async (form) => {
    if (form.dataset.passkey !== "login") return JSON.parse(document.getElementById("passkey-options").textContent);
    const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.json();
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const button = form.querySelector("[data-passkey-start]");
    const problem = document.querySelector("[data-passkey-error]");
    button.hidden = !window.PublicKeyCredential;
    button.addEventListener("click", async () => {
      problem.hidden = true;
      try {
        const told = await options(form);
        const passwordless = form.elements.passwordless?.checked ?? false;
        const credential = await (form.dataset.passkey === "create" ? create(told, passwordless) : get(told));
        form.elements.credential.value = JSON.stringify(plain(credential));
        form.submit();
      } catch {
        problem.hidden = false;
      }
    });
  }
})();
