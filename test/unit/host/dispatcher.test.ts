import { describe, expect, it } from 'vitest';
import { desktopHandlers, links, noDesktop } from '../../../src-main/host/desktop.ts';
import { withDesktop } from '../../../src-main/host/desktop-transport.ts';
import { createDispatcher, inProcess, maxListeners } from '../../../src-main/host/dispatcher.ts';
import { linkKeys } from '#contract/contract.ts';
import { createFakeEngine } from '../../fakes/handlers.ts';
import { transportSuite } from '../../suites/transport.ts';

function dispatch(report: (message: string, thrown: unknown) => string = () => 'log-1') {
  const engine = createFakeEngine();
  return { engine, dispatcher: createDispatcher(engine, desktopHandlers(noDesktop), report) };
}

transportSuite('in one process', async (engine, report) => {
  const dispatcher = createDispatcher(engine, desktopHandlers(noDesktop), (_message, thrown) => {
    report(thrown);
    return 'log-1';
  });
  return {
    transport: inProcess(dispatcher),
    close: async () => {
      dispatcher.close();
    },
  };
});

describe('dispatcher', () => {
  it('never throws, whatever comes as name and input', async () => {
    const { dispatcher } = dispatch();
    const odd = [undefined, null, 7, {}, [], Symbol('x'), 'x'.repeat(100_000), 'toString'];
    for (const name of odd) {
      for (const input of odd) {
        expect(await dispatcher.answer(name, input)).toMatchObject({ ok: false });
      }
    }
  });

  it('names each field that is wrong, at most ten of them', async () => {
    const { dispatcher } = dispatch();
    const reply = await dispatcher.answer('points.delete', {
      points: Array.from({ length: 50 }, () => 7),
      last: true,
    });
    const data = reply.ok ? {} : reply.error.data;
    expect(data['issues']).toHaveLength(10);
    expect(data['issues']).toContainEqual({ path: 'points.0', problem: 'Not an id' });
  });

  it('keeps a password of the wrong type out of the error', async () => {
    const { dispatcher } = dispatch();
    const reply = await dispatcher.answer('repositories.unlock', {
      repository: 'r',
      password: ['hunter2'],
      remember: true,
    });
    expect(JSON.stringify(reply)).toContain('password');
    expect(JSON.stringify(reply)).not.toContain('hunter2');
  });

  it('gives an event to all listeners though one of them fails', () => {
    const reports: string[] = [];
    const { engine, dispatcher } = dispatch((message) => {
      reports.push(message);
      return 'log-2';
    });
    const seen: string[] = [];
    dispatcher.listen(() => {
      throw new Error('a broken window');
    });
    dispatcher.listen((name) => seen.push(name));
    engine.emit('state.reset', null);
    expect(seen).toEqual(['state.reset']);
    expect(reports).toEqual(['A listener failed on state.reset']);
  });

  it('takes as many listeners as its limit and refuses the next', () => {
    const { dispatcher } = dispatch();
    for (let n = 0; n < maxListeners; n += 1) dispatcher.listen(() => undefined);
    expect(() => dispatcher.listen(() => undefined)).toThrow(
      expect.objectContaining({ code: 'refused' }),
    );
  });

  it('answers not-connected and sends nothing once it is closed', async () => {
    const { engine, dispatcher } = dispatch();
    const seen: string[] = [];
    dispatcher.listen((name) => seen.push(name));
    dispatcher.close();
    engine.emit('state.reset', null);
    expect(seen).toEqual([]);
    expect(await dispatcher.answer('app.info', {})).toMatchObject({
      error: { code: 'not-connected' },
    });
  });
});

describe('desktop', () => {
  it('says unsupported, as an answer, where there is none', async () => {
    const { dispatcher } = dispatch();
    const calls = [
      ['desktop.pick-folder', { title: 'Where', start: null }],
      ['desktop.pick-file', { title: 'Where', start: '/srv', purpose: 'save' }],
      ['desktop.reveal', { path: '/srv' }],
      ['desktop.open-link', { link: 'libvirt-connect' }],
    ] as const;
    for (const [name, input] of calls) {
      expect(await dispatcher.answer(name, input)).toEqual({
        ok: true,
        value: { kind: 'unsupported' },
      });
    }
  });

  it('opens only addresses it knows by key', async () => {
    const { dispatcher } = dispatch();
    for (const link of ['https://evil.example', 'javascript:alert(1)', 'toString', '__proto__']) {
      expect(await dispatcher.answer('desktop.open-link', { link })).toMatchObject({
        ok: false,
        error: { code: 'invalid-input' },
      });
    }
    for (const key of linkKeys) expect(new URL(links[key]).protocol).toBe('https:');
  });

  it('is answered here, and everything else by the engine, over a wire', async () => {
    const { dispatcher } = dispatch();
    const picked = { kind: 'picked', path: '/srv/attic' } as const;
    const desktop = { ...noDesktop, pickFolder: async () => picked };
    const transport = withDesktop(inProcess(dispatcher), desktopHandlers(desktop), () => 'log-3');
    const input = { title: 'Where', start: null };
    expect(await transport.invoke('desktop.pick-folder', input)).toEqual({
      ok: true,
      value: picked,
    });
    expect(await transport.invoke('desktop.pick-folder', {})).toMatchObject({
      error: { code: 'invalid-input' },
    });
    expect(await transport.invoke('hosts.list', {})).toMatchObject({ ok: true });
  });

  it('gives a failing dialog a log id', async () => {
    const { dispatcher } = dispatch();
    const desktop = { ...noDesktop, reveal: () => Promise.reject(new TypeError('no display')) };
    const transport = withDesktop(inProcess(dispatcher), desktopHandlers(desktop), () => 'log-4');
    expect(await transport.invoke('desktop.reveal', { path: '/srv' })).toMatchObject({
      error: { code: 'internal', data: { logId: 'log-4' } },
    });
  });
});
