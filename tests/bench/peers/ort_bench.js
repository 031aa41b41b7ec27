// SPDX-License-Identifier: GPL-3.0-or-later
// ort_bench.js -- times a network in ONNX Runtime and tells how far its first answer is
// from PyTorch's, as a share of how much that varies; one line of JSON.
// usage: node ort_bench.js THREADS BATCH SECONDS NETWORK.onnx
const { open, readFloats } = require('./ort_session.js');

const WARM_SECONDS = 0.2, WARM_RUNS = 3, RUNS_MIN = 10;

function difference(a, b) {
  const mean = b.reduce((sum, value) => sum + value, 0) / b.length;
  let squares = 0, all = 0;
  for (let i = 0; i < b.length; i++) {
    squares += (a[i] - b[i]) ** 2;
    all += (b[i] - mean) ** 2;
  }
  return Math.sqrt(squares / all);
}

// Times in ms of as many runs as SECONDS hold, but at least LEAST.
async function times(run, seconds, least) {
  const all = [], began = performance.now();
  while (all.length < least || performance.now() - began < 1e3 * seconds) {
    const start = performance.now();
    await run();
    all.push(performance.now() - start);
  }
  return all;
}

(async () => {
  const [threads, batch, seconds, file] = process.argv.slice(2);
  const base = file.replace(/(\.int8)?\.onnx$/, '');
  const { session, feeds } = await open(file, base, {
    intraOpNumThreads: Number(threads), interOpNumThreads: 1, graphOptimizationLevel: 'all',
  }, Number(batch));
  const answer = await session.run(feeds);
  const error = difference(answer[session.outputNames[0]].data, readFloats(base + '.out'));
  await times(() => session.run(feeds), WARM_SECONDS, WARM_RUNS);
  const all = await times(() => session.run(feeds), Number(seconds), RUNS_MIN);
  all.sort((a, b) => a - b);
  console.log(JSON.stringify({ median_ms: all[all.length >> 1],
                               resident_bytes: process.resourceUsage().maxRSS * 1024,
                               relative_error: error }));
})();
