// Tidegate is killed with SIGKILL and started again: a new epoch, a gap event that says so, no silent loss.
import assert from 'node:assert';
import test from 'node:test';
import { Continuity, GAP } from './lib/continuity.mjs';
import { startFeed } from './lib/feed.mjs';
import { freePort } from './lib/ports.mjs';
import { startClient } from './lib/sse-reader.mjs';
import { configFor, startTidegate } from './lib/tidegate.mjs';

const KILLS = 10;

test('after kill -9 each client is told of the gap, exactly once for each epoch', async (t) => {
  const feed = await startFeed(t, await freePort());
  const gate = await startTidegate(t, await configFor(feed.url, { workers: 2 }));
  await gate.untilReady();
  const clients = [];
  for (let i = 0; i < 8; i++) {
    const continuity = new Continuity({ allowsGaps: true });
    const client = startClient(t, { port: gate.port }, { check: (event) => continuity.take(event) });
    clients.push(Object.assign(client, { continuity }));
    await client.untilOpen();
  }
  const sending = feed.sendAtRate(1000, (n) => `${n}`);
  for (let kill = 0; kill < KILLS; kill++) {
    for (const client of clients) await client.untilCount(client.count + 100);
    await gate.kill();
    await gate.start();
    await gate.untilReady();
    for (const client of clients) await client.until('a gap event', () => client.continuity.gaps.length > kill);
  }
  for (const client of clients) await client.untilCount(client.count + 100);
  sending.stop();

  for (const client of clients) {
    assert.equal(client.continuity.gaps.length, KILLS);
    for (const gap of client.continuity.gaps) {
      assert.equal(gap.reason, 'epoch');
      assert.equal(gap.missed, null, 'nobody can know how many');
    }
    // What the backend sent, in order; a number is missing only where a gap was told.
    let last = null;
    let wasTold = false;
    for (const event of client.events) {
      if (event.type === GAP) wasTold = true;
      if (event.id === null) continue;
      const n = Number(event.data);
      if (last !== null && n !== last + 1) assert.ok(wasTold && n > last, `${last} -> ${n} without a gap event`);
      last = n;
      wasTold = false;
    }
  }
});
