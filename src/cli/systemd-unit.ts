/** What the unit of one installation depends on. All paths are absolute. */
export interface Installation {
  node: string;
  /** Of this package. */
  root: string;
  /** Null: the usual places are looked at. */
  settingsFile: string | null;
  /** As whom the daemon runs, where the template says that. */
  account: string;
}

/**
 * The unit for an installation.
 * @param template a unit of this package's `systemd/`, whose paths are examples.
 */
export function renderUnit(template: string, installation: Installation): string {
  const { node, root, settingsFile, account } = installation;
  const command = [node, `${root}/bin/llmproxy.js`, 'serve'];
  if (settingsFile !== null) command.push('--config', settingsFile);
  const values: Record<string, string> = {
    Documentation: `file:${encodeURI(root).replaceAll('%', '%%')}/docs/deployment.md`,
    ExecStart: command.map(quoted).join(' '),
    WorkingDirectory: root.replaceAll('%', '%%'),
    ProtectHome: [node, root, settingsFile ?? ''].some(isInHome) ? 'read-only' : 'yes',
    User: account,
    Group: account,
  };
  return template.replace(/^(\w+)=.*$/gm, (line, key: string) => {
    const value = values[key];
    return value === undefined ? line : `${key}=${value}`;
  });
}

/** Whether a path is where `ProtectHome=yes` shows nothing. */
function isInHome(path: string): boolean {
  return /^\/(?:home|root|run\/user)\//.test(path);
}

/** An argument of ExecStart: quoted where it has to be, specifiers and variables escaped. */
function quoted(argument: string): string {
  const escaped = argument.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /[\s'"\\;]/.test(escaped) ? `"${escaped}"` : escaped;
}
