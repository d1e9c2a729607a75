// `node nodejs_order_book_adapter.cjs FOLDER FILE`: the order book of FOLDER/node_modules, timed on the orders of FILE.
// The counterpart of peer_adapters.py: reads a PeerTask, prints a PeerAnswer.
"use strict";

const { readFileSync } = require("node:fs");
const { join } = require("node:path");

const [folder, file] = process.argv.slice(2);
const { OrderBook } = require(join(folder, "node_modules", "nodejs-order-book"));

function prepared(orders) {
  return orders.map(([id, isBid, price, size]) => ({ id: String(id), side: isBid ? "buy" : "sell", size, price }));
}

function matching(orders) {
  const book = new OrderBook();
  return orders.map((order) => book.limit(order));
}

function* fills(orders, answers) {
  for (const [index, answer] of answers.entries()) {
    const taker = orders[index].id;
    for (const maker of answer.done) {
      if (maker.id !== taker) yield [maker.price, maker.size];
    }
    if (answer.partial !== null && answer.partial.id !== taker) {
      yield [answer.partial.price, answer.partialQuantityProcessed];
    }
  }
}

function timeS(orders) {
  const processor = process.cpuUsage();
  const started = process.hrtime.bigint();
  matching(orders);
  const wallS = Number(process.hrtime.bigint() - started) / 1e9;
  const { user, system } = process.cpuUsage(processor);
  // Compiling and collecting garbage run on threads of their own, which the processor time counts as well.
  return Math.min(wallS, (user + system) / 1e6);
}

const task = JSON.parse(readFileSync(file, "utf8"));
const sample = prepared(task.sample);
const streams = {};
for (const [name, raw] of Object.entries(task.streams)) {
  const orders = prepared(raw);
  const times_s = Array.from({ length: 1 + task.runs }, () => timeS(orders)).slice(1);
  streams[name] = { fills: [...fills(orders, matching(orders))].length, times_s };
}
console.log(
  JSON.stringify({ version: process.version, sample_fills: [...fills(sample, matching(sample))], streams }),
);
