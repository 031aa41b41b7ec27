// SPDX-License-Identifier: GPL-3.0-or-later
// ort_bench.js -- times a network in ONNX Runtime, batch 1, and tells how far its output
// is from PyTorch's, as a share of how much that varies; one line of JSON.
// usage: node ort_bench.js THREADS WORK NETWORK.onnx
const { open, readFloats } = require('./ort_session.js');

const SECONDS = 2, WARM_RUNS = 5, RUNS_MIN = 10;

function difference(a, b) {
  const mean = b.reduce((sum, value) => sum + value, 0) / b.length;
  let squares = 0, all = 0;
  for (let i = 0; i < b.length; i++) {
    squares += (a[i] - b[i]) ** 2;
    all += (b[i] - mean) ** 2;
  }
  return Math.sqrt(squares / all);
}

(async () => {
  const [threads, work, file] = process.argv.slice(2);
  const base = file.replace(/(\.int8)?\.onnx$/, '');
  const { session, feeds } = await open(file, base, {
    intraOpNumThreads: Number(threads), interOpNumThreads: 1, graphOptimizationLevel: 'all',
  });
  let answer;
  for (let i = 0; i < WARM_RUNS; i++) answer = await session.run(feeds);
  const error = difference(answer[session.outputNames[0]].data, readFloats(base + '.out'));
  const times = [], began = performance.now();
  while (times.length < RUNS_MIN || performance.now() - began < 1e3 * SECONDS) {
    const start = performance.now();
    await session.run(feeds);
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  console.log(JSON.stringify({ work, by: 'peer', median_ms: times[times.length >> 1],
                               resident_bytes: process.resourceUsage().maxRSS * 1024,
                               relative_error: error }));
})();
