#!/usr/bin/env node
// The `cashe` command. In a fresh checkout it builds first; npm links a committed file only.
import { ensureBuild } from './build.mjs';

ensureBuild();
const { main } = await import('../dist/cli/main.js');
await main(process.argv.slice(2));
