import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/** Connections out of HikariCP: Pool URL SIZE GAPS [PROPERTY=VALUE]... Each is asked once, and again after each gap (ms, by commas). */
class Pool {
    public static void main(String[] arguments) throws Exception {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(arguments[0]);
        config.setMaximumPoolSize(Integer.parseInt(arguments[1]));
        for (int at = 3; at < arguments.length; at++) {
            String[] property = arguments[at].split("=", 2);
            switch (property[0]) {
                case "idleTimeout" -> config.setIdleTimeout(Long.parseLong(property[1]));
                case "maxLifetime" -> config.setMaxLifetime(Long.parseLong(property[1]));
                case "minimumIdle" -> config.setMinimumIdle(Integer.parseInt(property[1]));
                default -> throw new IllegalArgumentException(property[0]);
            }
        }
        int lost = 0;
        try (HikariDataSource pool = new HikariDataSource(config)) {
            lost += askAll(pool, config.getMaximumPoolSize());
            for (String gap : arguments[2].split(",")) {
                Thread.sleep(Long.parseLong(gap));
                lost += askAll(pool, config.getMaximumPoolSize());
            }
            // A close right behind an answer is no idle one.
            Thread.sleep(300);
        }
        System.out.println("lost " + lost);
        System.exit(0);
    }

    /** All of them at once, one query each; how many queries were lost. */
    private static int askAll(HikariDataSource pool, int size) throws SQLException {
        int lost = 0;
        List<Connection> held = new ArrayList<>();
        for (int number = 0; number < size; number++) {
            held.add(pool.getConnection());
        }
        for (Connection connection : held) {
            try (connection; Statement statement = connection.createStatement()) {
                statement.executeQuery("select 1").next();
            } catch (SQLException error) {
                lost++;
            }
        }
        return lost;
    }
}
