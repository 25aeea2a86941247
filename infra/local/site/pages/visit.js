// Tells the API which page is seen, under an id that this browser keeps, and sends the form without leaving the page.
(() => {
  const { api, writeKey } = document.currentScript.dataset;
  const fresh = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  const visitor = (() => {
    try {
      const kept = localStorage.getItem("visitor") ?? fresh();
      localStorage.setItem("visitor", kept);
      return kept;
    } catch {
      return fresh();
    }
  })();

  const page = { path: location.pathname, url: location.href, title: document.title, referrer: document.referrer };
  fetch(`${api}/v1/page`, {
    method: "POST",
    keepalive: true,
    headers: { "content-type": "text/plain" },
    body: JSON.stringify({
      writeKey,
      type: "page",
      messageId: fresh(),
      anonymousId: visitor,
      name: document.title,
      properties: page,
      context: { page },
      timestamp: new Date().toISOString(),
    }),
  }).catch(() => {});

  const form = document.querySelector("form[data-baton]");
  if (!form) return;
  const hide = (name, value) => {
    const field = Object.assign(document.createElement("input"), { type: "hidden", name, value });
    form.append(field);
    return field;
  };
  hide("_anonymous_id", visitor);
  const submission = hide("_id", fresh());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    const said = form.querySelector(".said");
    button.disabled = true;
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        headers: { accept: "application/json" },
        body: new URLSearchParams(new FormData(form)),
      });
      const told = await answer.json().catch(() => ({}));
      said.textContent = answer.ok ? "Thank you. A person will answer you." : told.message ?? "That did not work.";
      if (answer.ok) {
        form.reset();
        submission.value = fresh();
      }
    } catch {
      said.textContent = "The request did not get through. Please try again.";
    }
    said.hidden = false;
    button.disabled = false;
  });
})();
