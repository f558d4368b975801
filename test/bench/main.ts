import { benchGateway } from './gateway.ts';
console.log((await benchGateway({ pairs: Number(process.argv[2] ?? 3), measureMs: 1500 })).text);
process.exit();
