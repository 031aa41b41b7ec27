// SPDX-License-Identifier: GPL-3.0-or-later
// ort_session.js -- for the scripts beside it: arrays from files, and a network in ONNX
// Runtime with the input that lies beside it.
const ort = require('onnxruntime-node');
const fs = require('fs');

function readFloats(path) {
  const bytes = fs.readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

// BASE.in and BASE.shape beside the network FILE; the input is repeated to BATCH samples.
async function open(file, base, options, batch = 1) {
  const session = await ort.InferenceSession.create(file, options);
  const shape = fs.readFileSync(base + '.shape', 'utf8').trim().split(' ').map(Number);
  const sample = readFloats(base + '.in'), all = new Float32Array(batch * sample.length);
  for (let i = 0; i < batch; i++) all.set(sample, i * sample.length);
  const input = new ort.Tensor('float32', all, [batch, ...shape]);
  return { session, feeds: { [session.inputNames[0]]: input } };
}

module.exports = { open, readFloats };
