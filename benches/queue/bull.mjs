// The same jobs through BullMQ. Prints one JSON object. node bull.mjs REDIS_URL push-one|push|work|idle JOBS SLOTS
import { readFileSync } from "node:fs";
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";

const [url, what, jobsText, slotsText] = process.argv.slice(2);
const jobs = Number(jobsText);
const BULK = 1000, GAP_MS = 20;
const connect = () => new Redis(url, { maxRetriesPerRequest: null });
// Finished jobs leave nothing behind, as with the others.
const options = { removeOnComplete: true, removeOnFail: true };
const peakMb = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1024;
const told = value => { console.log(JSON.stringify(value)); process.exit(0); };

const queue = new Queue("bench", { connection: connect(), defaultJobOptions: options });
if (what === "push-one" || what === "push") {
  const begun = performance.now();
  if (what === "push-one") for (let at = 0; at < jobs; at++) await queue.add("job", { at });
  else for (let from = 0; from < jobs; from += BULK) {
    const size = Math.min(BULK, jobs - from);
    await queue.addBulk(Array.from({ length: size }, (_, at) => ({ name: "job", data: { at: from + at } })));
  }
  told({ per_s: jobs / ((performance.now() - begun) / 1000) });
}

let first, left = jobs;
const delays = [];
const ended = new Promise(resolve => {
  new Worker("bench", async job => {
    first ??= performance.now();
    if (what === "idle") delays.push(performance.now() - job.data.pushed);
    if (--left === 0) setTimeout(resolve, 0);
  }, { connection: connect(), concurrency: Number(slotsText) });
});
if (what === "idle") {
  await new Promise(resolve => setTimeout(resolve, 500));
  for (let at = 0; at < jobs; at++) {
    await queue.add("job", { pushed: performance.now() });
    await new Promise(resolve => setTimeout(resolve, GAP_MS));
  }
}
await ended;
if (what === "work") told({ per_s: jobs / ((performance.now() - first) / 1000), peak_mb: peakMb() });
delays.sort((a, b) => a - b);
const at = share => delays[Math.floor((delays.length - 1) * share)];
told({ p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1), peak_mb: peakMb() });
