/**
 * Loaded into our process with `node --import`: writes how long the event loop was blocked at most
 * to the file named by BENCH_LOOP_FILE when the process ends. Milliseconds.
 */
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const file = process.env['BENCH_LOOP_FILE'];
const resolutionMs = 5; // the figure includes this much of waiting for the probe itself

if (file !== undefined && isMainThread) {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  process.on('exit', () => {
    const [max, most] = [histogram.max, histogram.percentile(99)].map((value) => value / 1e6);
    writeFileSync(file, JSON.stringify({ maxMs: max, p99Ms: most }));
  });
}
