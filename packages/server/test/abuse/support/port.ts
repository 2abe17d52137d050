/** The client port over fake calls, an attacker's connections to it, and a client that behaves. */

import type { ApiLimits } from '../../../src/api/limits.js';
import { defaultTrafficLimits, type TrafficLimits } from '../../../src/net/traffic-guard.js';
import { ApiFixture, answer } from '../../support/api-fixture.js';
import { Attacker } from './attacker.js';

export const methods = {
  get: '/cashe.v1.KV/Get',
  getMany: '/cashe.v1.KV/GetMany',
  set: '/cashe.v1.KV/Set',
  session: '/cashe.v1.KV/Session',
  health: '/grpc.health.v1.Health/Watch',
} as const;

export class AttackedPort {
  readonly fixture: ApiFixture;
  readonly #attackers: Attacker[] = [];

  private constructor(fixture: ApiFixture) {
    this.fixture = fixture;
  }

  static async start(
    traffic: Partial<TrafficLimits> = {},
    limits: Partial<ApiLimits> = {},
  ): Promise<AttackedPort> {
    const all = { ...limits, traffic: { ...defaultTrafficLimits, ...traffic } };
    return new AttackedPort(await ApiFixture.start(all));
  }

  async attacker(settings?: Buffer): Promise<Attacker> {
    const attacker = await Attacker.connect(this.fixture.port, settings);
    this.#attackers.push(attacker);
    return attacker;
  }

  /** Another client is answered. */
  async serves(): Promise<boolean> {
    const kv = this.fixture.cluster();
    const { nodeId } = await answer<{ nodeId: string }>((done) => kv.status({}, done));
    return nodeId !== '';
  }

  close(): void {
    for (const attacker of this.#attackers) attacker.close();
    this.fixture.close();
  }
}
