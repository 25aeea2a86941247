// Baton's embed script, as people read it: <script async src="https://YOUR-API/v1/baton.js" data-key="YOUR-PUBLIC-KEY"></script>
//
// It tells of page views, and gives forms marked `data-baton` the browser's id and the campaign of the landing page.
// Until the page says `baton.consent(true)` nothing is stored in the browser: the id lives as long as the page does.
// Who asks by Global Privacy Control to be let alone is not told of at all.
//
// What is served is baton.min.js, which this command makes:
// npx terser@5.51.2 functions/ingest/baton.js --compress --mangle --ecma 2020 --output functions/ingest/baton.min.js
(() => {
  if (self.baton?.track) return; // A page that embeds it twice is told of once.
  const { currentScript: script } = document;
  const isPrivate = navigator.globalPrivacyControl;
  const fresh = () => crypto.getRandomValues(new Uint32Array(4)).join("-"); // randomUUID is there on https alone

  const campaignIn = (query) =>
    [...new URLSearchParams(query)].filter(
      ([name, value]) =>
        value && /^(utm_(campaign|content|medium|source|term)|(d|fb|g|tt|tw)clid|msclkid|[gw]braid|li_fat_id)$/.test(name),
    );
  // Whatever else a query or a fragment holds, such as the token of a link that was mailed, is nobody's but the page's.
  const told = (address) => {
    const url = new URL(address);
    url.search = new URLSearchParams(campaignIn(url.search));
    url.hash = "";
    return url.href;
  };
  // Where storage is shut off, even to look at it throws.
  const stored = (use) => {
    try {
      return use(localStorage);
    } catch {}
  };

  const [keptId, keptCampaign] = (stored((storage) => storage.baton) || "").split("?");
  let id = keptId || fresh();
  const arrival = campaignIn(location.search);
  let landing = arrival[0] ? arrival : campaignIn(keptCampaign);
  const forget = () => {
    id = fresh();
    landing = arrival;
  };

  const send = (call, said) =>
    isPrivate ||
    fetch(new URL(call, script.src), {
      method: "POST",
      keepalive: true, // It arrives even if the visitor has left.
      body: JSON.stringify({ writeKey: script.dataset.key, anonymousId: id, messageId: fresh(), ...said }),
    }).catch(() => {});

  self.baton = {
    consent(granted) {
      if (granted && !isPrivate) {
        stored((storage) => (storage.baton = `${id}?${new URLSearchParams(landing)}`));
      } else {
        stored((storage) => storage.removeItem("baton"));
        forget();
      }
    },
    track: (event, properties) => send("track", { event, properties }),
    identify: (traits) => send("identify", { traits }),
  };
  // Consent that was given stays given; a new campaign takes the place of the one that was kept.
  if (keptId) baton.consent(true);
  // What is withdrawn in one tab is withdrawn in all; whoever empties the storage names no key.
  addEventListener("storage", ({ key, newValue }) => newValue || (key || "baton") != "baton" || forget());

  let { referrer } = document;
  let path;
  const view = () => {
    if (path == (path = location.pathname)) return;
    const campaign = campaignIn(location.search).map(([name, value]) => [
      name == "utm_campaign" ? "name" : name.replace("utm_", ""),
      value,
    ]);
    const url = told(location);
    send("page", {
      properties: { url, title: document.title, referrer: referrer && told(referrer) },
      context: { campaign: Object.fromEntries(campaign), locale: navigator.language },
    });
    referrer = url;
  };
  // A page that is loaded ahead is seen once the visitor goes there, and an app shows its next page by the same document.
  if (document.prerendering) document.addEventListener("prerenderingchange", view);
  else view();
  self.navigation?.addEventListener("navigatesuccess", view);

  // The form is sent by the browser itself, as it would be without this script.
  addEventListener("formdata", ({ target, formData }) => {
    if (!isPrivate && "baton" in target.dataset) {
      for (const [name, value] of [["_anonymous_id", id], ...landing]) {
        formData.get(name) || formData.set(name, value);
      }
    }
  });
})();
