import assert from 'node:assert/strict';
import os from 'node:os';
import path from 'node:path';
import { paths } from '../../src/contracts/paths.js';

describe('folders', () => {
  it("are Labelloop's own variables, else the XDG ones, else the user's home", () => {
    const of = (env: NodeJS.ProcessEnv): string[] => [paths(env).cache, paths(env).home];
    assert.deepEqual(of({ LABELLOOP_CACHE: '/a', LABELLOOP_HOME: '/b', XDG_CACHE_HOME: '/c' }), ['/a', '/b']);
    assert.deepEqual(of({ XDG_CACHE_HOME: '/c', XDG_DATA_HOME: '/d' }), ['/c/labelloop', '/d/labelloop']);
    const user = os.homedir();
    assert.deepEqual(of({ LABELLOOP_CACHE: '' }), [
      path.join(user, '.cache/labelloop'),
      path.join(user, '.local/share/labelloop'),
    ]);
  });
});
