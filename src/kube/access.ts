/** What a TLS connection to the API server is made with: PEM texts. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
  /** The name the server's certificate is checked for, where it is not the address's. */
  readonly serverName?: string;
  /** `true`: the server is not verified at all. */
  readonly insecure?: boolean;
}

/** How to introduce oneself, just now. */
export interface Credentials {
  readonly tls: TlsMaterial;
  /** `authorization`, and what impersonates. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Where the API server is and how it is talked to: a port with one implementation for pods and one for kubeconfig files. */
export interface KubeAccess {
  /** Of the form `https://host:port[/path]`, without a slash at the end. */
  readonly server: string;
  /** Where we belong: the pod's namespace, or the kubeconfig's. */
  readonly namespace: string;
  /** An HTTP proxy to go through. */
  readonly proxy?: string;
  /** The credentials of now; files are looked at no more than once a minute. Rejects where they cannot be had. */
  credentials(): Promise<Credentials>;
  /** They were refused (401): the next call looks at everything again. */
  refused(): void;
}
