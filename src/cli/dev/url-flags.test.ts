import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InputError } from '../../lib/errors.ts';
import { rabbitMqOf, redisNamed, redisOf, type UrlFlags } from './url-flags.ts';

describe('the addresses of real parts', () => {
  it('are none where none is given', () => assert.deepEqual([rabbitMqOf({}), redisOf({})], [undefined, undefined]));

  const places: readonly (readonly [name: string, flags: UrlFlags, management: string, vhost: string])[] = [
    ['a host alone', { rabbitmq: 'amqp://broker' }, 'http://guest:guest@broker:15672', '/'],
    ['a login and a virtual host', { rabbitmq: 'amqp://u:p%2F@broker:5673/a%2Fb' }, 'http://u:p%2F@broker:15672', 'a/b'],
    ['TLS', { rabbitmq: 'amqps://u:p@broker/v' }, 'https://u:p@broker:15671', 'v'],
    ['a management API elsewhere', { rabbitmq: 'amqp://b/v', rabbitmqManagement: 'http://x:y@m:1/path' }, 'http://x:y@m:1/path', 'v'],
  ];
  for (const [name, flags, managementUrl, vhost] of places)
    it(`of RabbitMQ are found by ${name}`, () => assert.deepEqual(rabbitMqOf(flags), { amqpUrl: flags.rabbitmq, managementUrl, vhost }));

  it('of Redis are named without the password', () =>
    assert.deepEqual(redisOf({ redis: 'rediss://:secret@store/3' }), {
      url: 'rediss://:secret@store/3',
      place: 'store:6379',
      namedBy: '--redis',
    }));

  it('of a Redis that is needed are those of the flag, else of the environment', () => {
    const environment = { EVENTAGENT_REDIS_URL: 'redis://elsewhere:1' };
    assert.equal(redisNamed({ redis: 'redis://store' }, environment)?.place, 'store:6379');
    assert.deepEqual(redisNamed({}, environment), { url: 'redis://elsewhere:1', place: 'elsewhere:1', namedBy: 'EVENTAGENT_REDIS_URL' });
    assert.deepEqual([redisNamed({}, { EVENTAGENT_REDIS_URL: '' }), redisNamed({}, {})], [undefined, undefined]);
    assert.throws(() => redisNamed({}, { EVENTAGENT_REDIS_URL: 'hunter2' }), /^InputError: EVENTAGENT_REDIS_URL: not a URL/);
  });

  const wrong: readonly (readonly [name: string, flags: UrlFlags, message: RegExp])[] = [
    ['--rabbitmq is no URL', { rabbitmq: 'hunter2@broker' }, /^--rabbitmq: not a URL of the form amqp:/],
    ['--rabbitmq has another scheme', { rabbitmq: 'http://u:hunter2@broker' }, /^--rabbitmq: not a URL of the form amqp:/],
    ['--rabbitmq has a password that is not escaped', { rabbitmq: 'amqp://u:hunter2%@broker' }, /^--rabbitmq: a % in the URL/],
    [
      '--rabbitmq-management is no URL',
      { rabbitmq: 'amqp://b', rabbitmqManagement: 'hunter2' },
      /^--rabbitmq-management: not a URL of the form http:/,
    ],
    ['--rabbitmq-management stands alone', { rabbitmqManagement: 'http://b' }, /^--rabbitmq-management: belongs to --rabbitmq/],
    ['--redis is no URL', { redis: ':hunter2@store' }, /^--redis: not a URL of the form redis:/],
    ['--redis names no host', { redis: 'redis:///0' }, /^--redis: not a URL/],
    ['--redis names no database', { redis: 'redis://:hunter2@store/first' }, /^--redis: the path of the URL is the number/],
  ];
  for (const [name, flags, message] of wrong)
    it(`are refused where ${name}, without quoting them`, () =>
      assert.throws(
        () => [rabbitMqOf(flags), redisOf(flags)],
        (error) =>
          error instanceof InputError && error.code === 'Usage' && message.test(error.message) && !error.message.includes('hunter2'),
      ));
});
