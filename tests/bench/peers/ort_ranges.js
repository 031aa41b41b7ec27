// SPDX-License-Identifier: GPL-3.0-or-later
// ort_ranges.js -- prints {name: [least, largest]} of every output of BASE.all.onnx.
// usage: node ort_ranges.js BASE
const { open } = require('./ort_session.js');

(async () => {
  const base = process.argv[2], ranges = {};
  const { session, feeds } = await open(base + '.all.onnx', base,
                                        { graphOptimizationLevel: 'disabled' });
  const answer = await session.run(feeds);
  for (const name of session.outputNames) {
    let least = Infinity, largest = -Infinity;
    for (const value of answer[name].data) {
      if (value < least) least = value;
      if (value > largest) largest = value;
    }
    ranges[name] = [least, largest];
  }
  console.log(JSON.stringify(ranges));
})();
