/** Hosts, repositories and settings: small tables with the same rules. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HostId } from '#contract/domain.ts';
import { openCatalog, type Catalog } from '#engine/catalog/catalog.ts';
import { installationKey } from '#engine/catalog/settings.ts';
import { code } from '../../../fakes/jobs.ts';
import { atticId, cellarId, hostRecord, repositoryRecord } from '../../../fakes/records.ts';
import { fakeWorld, temporaryFolder } from '../../../fakes/world.ts';

let catalog: Catalog;
beforeEach(async () => {
  catalog = await openCatalog(fakeWorld(), temporaryFolder());
});
afterEach(() => {
  catalog.close();
});

describe('hosts', () => {
  test('come back by id and by name, listed by name', () => {
    const a = hostRecord({ id: 'a' as HostId, name: 'zebra' });
    const b = hostRecord({ id: 'b' as HostId, name: 'alpha büro', practice: true });
    catalog.hosts.insert(a);
    catalog.hosts.insert(b);
    expect(catalog.hosts.list()).toEqual([b, a]);
    expect(catalog.hosts.get(a.id)).toEqual(a);
    expect(catalog.hosts.byName('alpha büro')).toEqual(b);
    expect(catalog.hosts.get('c' as HostId)).toBeNull();
    expect(catalog.hosts.byName('Zebra')).toBeNull();
  });

  test('have names of their own', () => {
    catalog.hosts.insert(hostRecord());
    expect(() => {
      catalog.hosts.insert(hostRecord({ id: 'other' as HostId }));
    }).toThrow(code('name-taken', { name: 'this computer' }));
    expect(catalog.hosts.list()).toHaveLength(1);
  });

  test('can be removed, once', () => {
    catalog.hosts.insert(hostRecord());
    expect(catalog.hosts.remove(hostRecord().id)).toBe(true);
    expect(catalog.hosts.remove(hostRecord().id)).toBe(false);
  });

  test('names are data, not SQL', () => {
    const name = `x'); DROP TABLE hosts; --`;
    catalog.hosts.insert(hostRecord({ name }));
    expect(catalog.hosts.byName(name)?.name).toBe(name);
  });
});

describe('repositories', () => {
  test('come back with every field', () => {
    const whole = repositoryRecord({
      lastVerified: { time: 3, depth: 'structure', ok: false },
      recovery: 'confirmed',
      keyStorage: 'secret-service',
      practice: true,
      encrypted: false,
    });
    catalog.repositories.insert(whole);
    expect(catalog.repositories.get(atticId)).toEqual(whole);
    expect(catalog.repositories.byName('attic')).toEqual(whole);
    expect(catalog.repositories.list()).toEqual([whole]);
  });

  test('change where the key is, whether the code was typed back, when they were verified', () => {
    catalog.repositories.insert(repositoryRecord());
    catalog.repositories.setKeyStorage(atticId, 'asked-every-time');
    catalog.repositories.setRecovery(atticId, 'confirmed');
    catalog.repositories.setVerified(atticId, { time: 3, depth: 'data', ok: true });
    expect(catalog.repositories.get(atticId)).toMatchObject({
      keyStorage: 'asked-every-time',
      recovery: 'confirmed',
      lastVerified: { time: 3, depth: 'data', ok: true },
    });
  });

  test('added twice are told by their id, with the name they have here', () => {
    catalog.repositories.insert(repositoryRecord());
    expect(() => {
      catalog.repositories.insert(repositoryRecord({ name: 'again', path: '/mnt/usb' }));
    }).toThrow(code('repository-exists', { name: 'attic', path: '/srv/attic' }));
  });

  test('have names of their own', () => {
    catalog.repositories.insert(repositoryRecord());
    expect(() => {
      catalog.repositories.insert(repositoryRecord({ id: cellarId }));
    }).toThrow(code('name-taken', { name: 'attic' }));
  });
});

describe('settings', () => {
  test('are set, changed and removed', () => {
    expect(catalog.settings.get('theme')).toBeNull();
    catalog.settings.set('theme', 'dark');
    catalog.settings.set('theme', 'light');
    expect(catalog.settings.get('theme')).toBe('light');
    catalog.settings.remove('theme');
    expect(catalog.settings.get('theme')).toBeNull();
  });

  test('hold the installation id, which stays', () => {
    const id = catalog.settings.installation();
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(catalog.settings.installation()).toBe(id);
    expect(catalog.settings.get(installationKey)).toBe(id);
  });
});
