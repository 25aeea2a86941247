// Sends what standard input tells by RudderStack's client for Node.
const { readFileSync } = require("node:fs");
const RudderAnalytics = require("@rudderstack/rudder-sdk-node");

const { host, writeKey, calls } = JSON.parse(readFileSync(0, "utf8"));
const client = new RudderAnalytics(writeKey, { dataPlaneUrl: host });
const taken = calls.map(
  ({ call, timestamp, ...said }) =>
    new Promise((resolve, reject) => {
      client[call]({ ...said, timestamp: new Date(timestamp) }, (error) => (error ? reject(error) : resolve()));
    }),
);
client.flush();
Promise.all(taken).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
