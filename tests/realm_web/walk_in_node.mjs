// The walk in Node: `node walk_in_node.mjs FOLDER`, where FOLDER has realm-web in its node_modules.
// What the walk is given comes as JSON on standard input.

import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import process from "node:process";
import { walk } from "./walk.mjs";

const require = createRequire(`${process.argv[2]}/package.json`);
const given = JSON.parse(await text(process.stdin));
const { url, admin_key } = given;

async function ask(path, options) {
  const answer = await fetch(url + path, options);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}

async function mail(address, before) {
  const mails = await (await ask("/dev/inbox.json")).json();
  const link = mails.find((one) => one.mail.to === address)?.mail.link;
  const query = new URL(link).searchParams;
  const found = { token: query.get("token"), tokenId: query.get("tokenId") };
  if (found.token === before?.token) throw new Error("no newer mail");
  return found;
}

async function admin(app, method, path) {
  const headers = { authorization: `Bearer ${admin_key}` };
  await ask(`/api/v1/apps/${app}${path}`, { method, headers });
}

await walk(require("realm-web"), { ...given, mail, admin }, (name) => console.log(name));
