#!/usr/bin/env node
// `npm start`: three nodes on this machine in one terminal.
import { ensureBuild } from './build.mjs';

ensureBuild();
const { main } = await import('../dist/cli/local-cluster.js');
await main(process.argv.slice(2));
