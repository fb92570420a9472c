"use strict";
/* Neural networks in a page: the layers that the course's shipped networks need, one picture at a time.

   A file of weights sets live.weights.NAME = { layers: [{ kind, … }, …], halves: "…" }: the layers in their order, and
   all their numbers, in the same order, as 16-bit floats in base64. Text, so that a page opened from a folder may load it.
   Where layers do not simply follow one another, it has shapes: { name: [sizes], … } instead, and a script of its own.
   An array of numbers is a Float32Array, a picture one of channels × height × width, as in PyTorch. */

window.live ??= { weights: {}, models: {} };

/* ---------------------------------------------------------------- weights */

/* A 16-bit float: a sign, five bits of exponent, ten of fraction; exponent 0 is for numbers near 0. */
live.half = function (bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = (bits & 1023) / 1024;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction) : 2 ** -14 * fraction);
};

live.unpack = function (base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return Float32Array.from({ length: bytes.length / 2 }, (_, i) => live.half(bytes[2 * i] + 256 * bytes[2 * i + 1]));
};

/* The network NAME as a function from numbers to numbers. */
live.network = function (name) {
  const { layers, halves } = live.weights[name], numbers = live.unpack(halves);
  let used = 0;
  const deal = (count) => numbers.subarray(used, (used += count));
  const both = (count) => { // the numbers, and after them what their rounding has left
    const rounded = deal(count), rest = deal(count);
    return rounded.map((value, i) => value + rest[i]);
  };
  const steps = layers.map((layer) => live.layers[layer.kind](layer, layer.fine ? both : deal));
  if (used !== numbers.length) throw new Error(`${name}: ${numbers.length} numbers, ${used} used`);
  return (input) => steps.reduce((x, step) => step(x), Float32Array.from(input));
};

/* The numbers of the network NAME by PyTorch's names, such as "stem.weight", and their sizes; and its layers by theirs. */
live.parts = function (name) {
  const { shapes, halves } = live.weights[name], all = live.unpack(halves), numbers = {};
  let used = 0;
  for (const [one, shape] of Object.entries(shapes)) numbers[one] = all.subarray(used, (used += shape.reduce((a, b) => a * b, 1)));
  const layer = (kind, part, from, to, sizes) => {
    const hand = [numbers[`${part}.weight`], numbers[`${part}.bias`]];
    return live.layers[kind]({ from, to, bias: true, ...sizes }, () => hand.shift());
  };
  return {
    numbers,
    shapes,
    linear: (part, [to, from] = shapes[`${part}.weight`]) => layer("linear", part, from, to),
    conv: (part, stride = 1, padding = 1, [to, from, size] = shapes[`${part}.weight`]) => layer("conv", part, from, to, { size, stride, padding }),
    transposed: (part, stride, [from, to, size] = shapes[`${part}.weight`]) => layer("transposed", part, from, to, { size, stride, padding: 0 }),
    groups: (part, count) => layer("groups", part, null, shapes[`${part}.weight`][0], { count }),
  };
};

/* ----------------------------------------------------------------- layers */

const each = (rule) => () => (x) => x.map(rule);

/* Each takes a layer's sizes and the hand that deals out its numbers, and returns the layer as a function. */
live.layers = {
  relu: each((value) => Math.max(0, value)),
  silu: each((value) => value / (1 + Math.exp(-value))),
  tanh: each(Math.tanh),
  sigmoid: each((value) => 1 / (1 + Math.exp(-value))),
  pixels: each((value) => (value + 1) / 2), // from what tanh gives to pixels from 0 to 1

  linear({ from, to, bias }, take) {
    const weight = take(to * from), shift = take(bias ? to : 0);
    return (x) => {
      const y = new Float32Array(to);
      for (let i = 0; i < to; i++) {
        let sum = bias ? shift[i] : 0;
        for (let j = 0; j < from; j++) sum += weight[i * from + j] * x[j];
        y[i] = sum;
      }
      return y;
    };
  },

  /* Batch norm when drawing: what it has seen in training makes it a fixed scale and shift for each channel. */
  norm({ channels }, take) {
    const scale = take(channels), shift = take(channels);
    return (x) => {
      const area = x.length / channels;
      return x.map((value, i) => scale[Math.floor(i / area)] * value + shift[Math.floor(i / area)]);
    };
  },

  /* Group norm: the channels in `count` groups, each with mean 0 and variance 1 over the picture; then a scale and a shift. */
  groups({ to, count }, take) {
    const scale = take(to), shift = take(to);
    return (x) => {
      const area = x.length / to, size = x.length / count, y = new Float32Array(x.length);
      for (let first = 0; first < x.length; first += size) {
        const group = x.subarray(first, first + size), mean = group.reduce((sum, value) => sum + value, 0) / size;
        const root = Math.sqrt(group.reduce((sum, value) => sum + (value - mean) ** 2, 0) / size + 1e-5);
        group.forEach((value, i) => {
          const channel = Math.floor((first + i) / area);
          y[first + i] = (scale[channel] * (value - mean)) / root + shift[channel];
        });
      }
      return y;
    };
  },

  /* A convolution over a square picture: each number of the output looks at a size × size window of every channel. */
  conv({ from, to, size, stride, padding, bias }, take) {
    const weight = take(to * from * size * size), shift = take(bias ? to : 0);
    return (x) => {
      const side = Math.sqrt(x.length / from), out = Math.floor((side + 2 * padding - size) / stride) + 1;
      const y = new Float32Array(to * out * out);
      const inside = Array.from({ length: size }, (_, k) => [ // the places at which row (or column) k of a window is in the picture
        Math.ceil(Math.max(0, padding - k) / stride),
        Math.min(out, Math.floor((side - 1 + padding - k) / stride) + 1),
      ]);
      for (let o = 0; o < to; o++) {
        if (bias) y.fill(shift[o], o * out * out, (o + 1) * out * out);
        for (let c = 0; c < from; c++)
          for (let i = 0; i < size; i++)
            for (let j = 0; j < size; j++) {
              const w = weight[((o * from + c) * size + i) * size + j], [top, bottom] = inside[i], [left, right] = inside[j];
              for (let row = top; row < bottom; row++) {
                const there = (o * out + row) * out, here = (c * side + row * stride + i - padding) * side + j - padding;
                for (let column = left; column < right; column++) y[there + column] += w * x[here + column * stride];
              }
            }
      }
      return y;
    };
  },

  /* A transposed convolution: each number of the input stamps a size × size window into the output. */
  transposed({ from, to, size, stride, padding, bias }, take) {
    const weight = take(from * to * size * size), shift = take(bias ? to : 0);
    return (x) => {
      const side = Math.sqrt(x.length / from), out = (side - 1) * stride - 2 * padding + size;
      const y = Float32Array.from({ length: to * out * out }, (_, i) => (bias ? shift[Math.floor(i / (out * out))] : 0));
      for (let c = 0; c < from; c++)
        for (let row = 0; row < side; row++)
          for (let column = 0; column < side; column++) {
            const value = x[(c * side + row) * side + column];
            for (let o = 0; o < to; o++)
              for (let i = 0; i < size; i++) {
                const r = row * stride + i - padding;
                if (r < 0 || r >= out) continue;
                for (let j = 0; j < size; j++) {
                  const s = column * stride + j - padding;
                  if (s >= 0 && s < out) y[(o * out + r) * out + s] += value * weight[((c * to + o) * size + i) * size + j];
                }
              }
          }
      return y;
    };
  },

  /* The largest of each 2 × 2 square. */
  pool({ channels }) {
    return (x) => {
      const side = Math.sqrt(x.length / channels), out = side / 2;
      return Float32Array.from({ length: channels * out * out }, (_, i) => {
        const column = i % out, row = Math.floor(i / out) % out, first = (Math.floor(i / (out * out)) * side + 2 * row) * side;
        return Math.max(...[0, 1, side, side + 1].map((step) => x[first + 2 * column + step]));
      });
    };
  },
};

live.softmax = function (logits) {
  const top = Math.max(...logits), powers = Array.from(logits, (value) => Math.exp(value - top));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
};

/* ----------------------------------------------------------------- chance */

/* Numbers evenly from 0 to 1, the same for the same seed (mulberry32). */
live.uniform = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

/* Independent standard normal numbers (Box and Muller). */
live.normal = function (seed) {
  const uniform = live.uniform(seed);
  const one = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return (count) => Array.from({ length: count }, one);
};

/* From code a to code b on the arc between them, equation (5.12): t runs from 0 to 1. */
live.slerp = function (a, b, t) {
  const dot = (u, v) => u.reduce((sum, value, i) => sum + value * v[i], 0);
  const angle = Math.acos(Math.min(1, Math.max(-1, dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)))));
  if (angle < 1e-6) return a.slice();
  const [first, second] = [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
  return a.map((value, i) => first * value + second * b[i]);
};

/* The game of chapter 03: G shifts a bell to theta, D has the logit w x + b, the data are a bell around 3.
   The means of (3.1) are sums over a fine grid of z, so that no luck is in it. Returns the slopes of the value. */
live.slopes = function ({ theta, w, b }) {
  let byW = 0, byB = 0, byTheta = 0, value = 0, whole = 0;
  for (let k = -60; k <= 60; k++) {
    const z = k / 10, share = Math.exp((-z * z) / 2), real = 3 + z, fake = theta + z;
    const trueReal = 1 / (1 + Math.exp(-(w * real + b))), trueFake = 1 / (1 + Math.exp(-(w * fake + b)));
    whole += share;
    byW += share * ((1 - trueReal) * real - trueFake * fake);
    byB += share * (1 - trueReal - trueFake);
    byTheta -= share * trueFake * w;
    value += share * (Math.log(trueReal) + Math.log(1 - trueFake));
  }
  return { w: byW / whole, b: byB / whole, theta: byTheta / whole, value: value / whole };
};

/* One move: the discriminator climbs, or the generator descends. */
live.move = function (game, player, rate) {
  const slope = live.slopes(game);
  if (player === "D") return { ...game, w: game.w + rate * slope.w, b: game.b + rate * slope.b };
  return { ...game, theta: game.theta - rate * slope.theta };
};
