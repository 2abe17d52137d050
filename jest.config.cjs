// Tests run as CommonJS through swc, on the sources. A test that starts a process or a worker
// thread runs what `npm run build` wrote to dist.
const swcOptions = {
  jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
  module: { type: 'commonjs' },
  sourceMaps: 'inline',
};

module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/packages', '<rootDir>/test'],
  testMatch: ['**/test/**/*.test.ts'],
  // System tests need programs beyond Node: `npm run test:system`.
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/system/'],
  modulePathIgnorePatterns: ['<rootDir>/packages/[^/]+/dist'],
  transform: { '^.+\\.ts$': ['@swc/jest', swcOptions] },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^@cashe/client/core$': '<rootDir>/packages/client/src/core/index.ts',
    '^@cashe/server/host$': '<rootDir>/packages/server/src/host/index.ts',
    '^@cashe/server/simulation$': '<rootDir>/packages/server/src/simulation.ts',
    '^@cashe/([^/]+)$': '<rootDir>/packages/$1/src/index.ts',
  },
  // Looking a global up in Jest's sandbox is ~150 times slower than natively; these are copied in.
  sandboxInjectedGlobals: [
    'Math',
    'Map',
    'Set',
    'Buffer',
    'Uint8Array',
    'BigInt',
    'Number',
    'Date',
    'Promise',
  ],
  // Real processes, disks and handshakes: a busy machine is no reason to be red.
  testTimeout: 30_000,
  maxWorkers: 2,
  reporters: ['default', '<rootDir>/jest.totals.cjs'],
};
