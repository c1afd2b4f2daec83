/* Asks the browser for a passkey and sends what it says with the form: forms with data-passkey="create" or "get",
   and data-options in the JSON form of Web Authentication Level 3. */
"use strict";

(() => {
  const bytes = (text) => {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
  };

  const text = (buffer) => {
    const plain = String.fromCharCode(...new Uint8Array(buffer));
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  };

  const refs = (list) => (list || []).map((item) => ({ ...item, id: bytes(item.id) }));

  // Not every browser in use has parseCreationOptionsFromJSON and toJSON yet.
  const asked = {
    create: (options) => ({
      ...options,
      challenge: bytes(options.challenge),
      user: { ...options.user, id: bytes(options.user.id) },
      excludeCredentials: refs(options.excludeCredentials),
    }),
    get: (options) => ({
      ...options,
      challenge: bytes(options.challenge),
      allowCredentials: refs(options.allowCredentials),
    }),
  };

  const PARTS = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];

  const said = (credential) => {
    const response = {};
    for (const part of PARTS) {
      if (credential.response[part]) {
        response[part] = text(credential.response[part]);
      }
    }
    return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response };
  };

  const WORDS = {
    InvalidStateError: "This device is registered already.",
    NotAllowedError: "That was called off, or took too long. Try again.",
    NotSupportedError: "This device cannot do it.",
    SecurityError: "Passkeys need a secure address (https).",
  };

  const start = (form) => {
    const verb = form.dataset.passkey;
    const note = form.querySelector("[data-says]");
    const button = form.querySelector("[type=submit]");

    const say = (words) => {
      note.textContent = words;
      note.hidden = !words;
    };

    form.addEventListener("submit", async (event) => {
      if (form.elements.credential.value) {
        return;
      }
      event.preventDefault();
      if (!window.PublicKeyCredential) {
        say(WORDS.SecurityError);
        return;
      }
      button.disabled = true;
      say("");
      try {
        const publicKey = asked[verb](JSON.parse(form.dataset.options));
        const credential = await navigator.credentials[verb]({ publicKey });
        form.elements.credential.value = JSON.stringify(said(credential));
        form.submit();
      } catch (error) {
        say(WORDS[error.name] || "That did not work. Load the page anew and try again.");
        button.disabled = false;
      }
    });
  };

  document.querySelectorAll("form[data-passkey]").forEach(start);
})();
