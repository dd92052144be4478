import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inPackage } from '../package.js';

/** One migration: the SQL that applies it and the SQL that undoes it. */
export interface Migration {
  version: number;
  name: string;
  /**
   * The oldest schema version whose code still works on a database with this migration: from a line
   * `-- compatible-from: N` of its up file; without that line, its own version.
   */
  compatibleFrom: number;
  up: SqlFile;
  down: SqlFile;
}

export interface SqlFile {
  /** The file's name without its directory. */
  file: string;
  sql: string;
}

/**
 * Reads `NNNN_name.up.sql` and `NNNN_name.down.sql`, by version, numbered from 1 without a gap.
 * @throws Error naming a file that is missing, misnamed, or has another's number.
 */
export function readMigrations(directory = inPackage('migrations')): Migration[] {
  const found = new Map<number, { name: string; up?: SqlFile; down?: SqlFile }>();
  const files = readdirSync(directory).filter((file) => !file.startsWith('.'));
  for (const file of files.sort()) {
    const [, digits, name, direction] = /^(\d{4})_([a-z0-9_]+)\.(up|down)\.sql$/.exec(file) ?? [];
    if (!digits || !name) {
      throw new Error(
        `Migration ${join(directory, file)} is not named NNNN_name.up.sql or .down.sql`,
      );
    }
    const version = Number(digits);
    const migration = found.get(version) ?? { name };
    if (migration.name !== name) {
      throw new Error(
        `Two migrations in ${directory} have the number ${digits}: ${migration.name} and ${name}`,
      );
    }
    migration[direction === 'up' ? 'up' : 'down'] = {
      file,
      sql: readFileSync(join(directory, file), 'utf8'),
    };
    found.set(version, migration);
  }
  return [...found].map(([version, { name, up, down }], index) => {
    if (version !== index + 1) {
      throw new Error(`Migration ${String(index + 1).padStart(4, '0')} is missing in ${directory}`);
    }
    const stem = `${String(version).padStart(4, '0')}_${name}`;
    if (!up) throw new Error(`Migration ${stem}.up.sql is missing in ${directory}`);
    if (!down) throw new Error(`Migration ${stem}.down.sql is missing in ${directory}`);
    const [, compatible] = /^-- compatible-from: (\d+)$/m.exec(up.sql) ?? [];
    return { version, name, compatibleFrom: Number(compatible ?? version), up, down };
  });
}
