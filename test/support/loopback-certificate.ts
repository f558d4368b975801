/** A certificate for the loopback that nobody trusts unless a test says so, and its key, which is no secret. Valid until 2126. */
export const loopbackCertificate = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg+cxcjMeTSbsu9kx0
FBWK8N17XgOdghcnvn5dAHT/loKhRANCAAQbmmplYobfOdWgxj9demPsqFP+deTN
r+mp/hmxXTbVdFkFqtRa6RW97S0xo2xOdZAWaUTRms7ggB3keLThYTjb
-----END PRIVATE KEY-----
`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUJqhre1fuk/vii+A+ASbD5WYYI+owCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzA2MTU1OFoYDzIxMjYxMDMw
MDYxNTU4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQbmmplYobfOdWgxj9demPsqFP+deTNr+mp/hmxXTbVdFkFqtRa6RW9
7S0xo2xOdZAWaUTRms7ggB3keLThYTjbo28wbTAdBgNVHQ4EFgQU0VQZ6+AwS2qG
jpvq9zOL/17btX0wHwYDVR0jBBgwFoAU0VQZ6+AwS2qGjpvq9zOL/17btX0wDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARhwR/AAABgglsb2NhbGhvc3QwCgYIKoZI
zj0EAwIDSAAwRQIhAMrb8g5t1ZWjK9Vxb5YjBgAyyytrE40oylOqMWrJ91f+AiA6
ZMX832GJf5/qcRnNvKjH0w1QeyE9HH3Gg+ydnCHChA==
-----END CERTIFICATE-----
`,
} as const;

/** A CA's certificate that has signed nothing. Valid until 2126. */
export const strangerCertificate = `-----BEGIN CERTIFICATE-----
MIIBgTCCASegAwIBAgIUdd82Sa5icMK4grstpUBi2dnpoG0wCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKYSBzdHJhbmdlcjAgFw0yNjExMjUyMzE3NDZaGA8yMTI2MTEw
MTIzMTc0NlowFTETMBEGA1UEAwwKYSBzdHJhbmdlcjBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABPhEq2OhopgjRszY/8dpjRkkkaOTycsmyzQiyYIyXoU1IuiKmkTr
z6Mq8GKKV+HvP8DKkbwVrqMnPw+asY+fzd2jUzBRMB0GA1UdDgQWBBTOP0keTsEK
+EC5AW2TAKcipcKsljAfBgNVHSMEGDAWgBTOP0keTsEK+EC5AW2TAKcipcKsljAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQD7O7ldoUFWqjen51jl
s50ooqzYtWAdzHiMcyePlUj1kgIgRlOXYQaDzz4DxYyWNVV3hZDhdzJYgWBCGARj
tIXWatQ=
-----END CERTIFICATE-----
`;
