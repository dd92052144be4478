import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';

/** Writes what is installed at run time as CycloneDX, without what differs from run to run. */
export function writeSbom({
  source,
  file,
  seconds,
  npm,
}: {
  source: string;
  file: string;
  seconds: number;
  npm: (cwd: string, ...args: string[]) => string;
}): void {
  const text = npm(source, 'sbom', '--sbom-format=cyclonedx', '--omit=dev', '--omit=peer');
  const { serialNumber: _, ...bom } = JSON.parse(text) as {
    serialNumber: string;
    metadata: { timestamp: string };
  };
  bom.metadata.timestamp = new Date(seconds * 1000).toISOString();
  const hex = createHash('sha256').update(JSON.stringify(bom)).digest('hex');
  // RFC 9562, version 8: 122 bits of our own choice.
  const uuid = hex.replace(
    /^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/,
    (_all, a, b, c, d, e) => `${a}-${b}-8${c}-8${d}-${e}`,
  );
  writeFileSync(file, `${JSON.stringify({ ...bom, serialNumber: `urn:uuid:${uuid}` }, null, 2)}\n`);
}
