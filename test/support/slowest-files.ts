import type { TestEvent } from 'node:test/reporters';
