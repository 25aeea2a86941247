// Sends what standard input tells by Customer.io's client for Node.
const { readFileSync } = require("node:fs");
const { Analytics } = require("@customerio/cdp-analytics-node");

const { host, writeKey, calls } = JSON.parse(readFileSync(0, "utf8"));
const analytics = new Analytics({ host, writeKey });
analytics.on("error", (error) => {
  console.error(error);
  process.exitCode = 1;
});
for (const { call, timestamp, ...said } of calls) analytics[call]({ ...said, timestamp: new Date(timestamp) });
analytics.closeAndFlush({ timeout: 300_000 });
