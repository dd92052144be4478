/** Members of profiles, by the profile's name. */
export type Profiles = ReadonlyMap<string, ReadonlyMap<string, string>>;

/**
 * The profiles in files of AWS's tools, by name, and sign-ins as `sso-session NAME`; of a member that
 * several files have, the first counts. Sections of other kinds, and settings nested below a member,
 * are left out.
 */
export function parseProfiles(texts: readonly string[]): Profiles {
  const profiles = new Map<string, Map<string, string>>();
  for (const text of texts) {
    let current: Map<string, string> | null = null;
    for (const line of text.split(/\r?\n/)) {
      const section = /^\[\s*(.*?)\s*\]/.exec(line)?.[1];
      if (section !== undefined) {
        current = profileOf(section, profiles);
        continue;
      }
      const [, name, value = ''] = /^([^\s#;=]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      if (current && name !== undefined && !current.has(name)) current.set(name, value);
    }
  }
  return profiles;
}

function profileOf(
  section: string,
  profiles: Map<string, Map<string, string>>,
): Map<string, string> | null {
  const name = section.replace(/^profile\s+/, '');
  if (/\s/.test(name.replace(/^sso-session /, ''))) return null;
  const known = profiles.get(name) ?? new Map<string, string>();
  profiles.set(name, known);
  return known;
}
